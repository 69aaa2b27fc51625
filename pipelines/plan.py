"""A request with every question answered: seeds, model, sizes, step counts. Pure; no torch.

The infotext, the file name and the run are all written from the plan, because the plan is what
happens. Step counts follow A1111 (reference: `setup_img2img_steps` behaviour).
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pipelines.catalog.checkpoints import (
    Catalog,
    Checkpoint,
    VaeFile,
    check_for_img2img,
)
from pipelines.catalog.families import share_latents
from pipelines.catalog.networks import NetworkFile
from pipelines.control.menus import NO_CONTROL, ControlMenus
from pipelines.control.planned import PlannedUnit
from pipelines.control.planning import plan_units
from pipelines.control.units import BatchOption
from pipelines.errors import InvalidRequest
from pipelines.imaging.geometry import Size
from pipelines.networks.planned import NO_NETWORKS, PlannedNetworks, plan_networks
from pipelines.prompting.files import NO_FILES, PromptFiles
from pipelines.prompting.reading import (
    PromptTexts,
    networks_of,
    read_prompt,
    schedule_steps,
)
from pipelines.requests import (
    LATENT_FACTOR,
    MAX_SIDE,
    MIN_SIDE,
    RANDOM_SEED,
    Img2ImgRequest,
    Prompt,
    ResizeBy,
    ResizeTo,
)
from pipelines.samplers import (
    AUTOMATIC,
    Family,
    Sampler,
    check_combination,
    find_sampler,
    find_schedule,
    schedule_levels,
)
from pipelines.settings import Settings
from pipelines.styles import StyleBook

STRENGTH_CEILING = 0.999
"""A1111 never lets the noise start above this share of the schedule."""

MAX_RANDOM_SEED = 4294967293
"""Random seeds are drawn from [0, 4294967293], as A1111 draws them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepPlan:
    """Where on the noise schedule the job starts, and how far it walks.

    `total` noise levels make the whole schedule; the run uses the last `executed` of them.
    """

    total: int
    executed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ImagePlan:
    """One picture of the job: `index` counts from 0 over all batches."""

    index: int
    seed: int
    variation_seed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedRefiner:
    """The checkpoint that finishes the pictures, and after which share of sampling, below 1."""

    checkpoint: Checkpoint
    switch_at: float
    vae: VaeFile | None = None  # None: the checkpoint's own


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnPrompt:
    """What one picture is told, where wildcards make the pictures of a job differ."""

    prompt: Prompt
    networks: PlannedNetworks


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One img2img job, decided.

    `prompt` has its styles applied and lists none; `texts` are how it is read. `size` is the
    processing size in pixels and may not be a multiple of 8 (A1111's Resize by); `latent_size` is
    what the network sees.
    `schedule` is resolved: "Automatic" only for timestep samplers, which follow none. `settings`
    include the job's overrides.
    `batches` hold the pictures in order. `created` is local time. `control` are the ControlNet
    units, each of which is sure to have all that it needs. `embeddings` are all that there are:
    which of them a prompt names, only its tokens tell. `networks` are the LoRAs that it names.
    Where `own_prompts` has one for every picture, in order, `prompt`, `texts` and `networks` are
    the first's, and every batch has one picture. `notes` are for the user, a sentence each.
    """

    request: Img2ImgRequest
    settings: Settings
    checkpoint: Checkpoint
    prompt: Prompt
    texts: PromptTexts
    size: Size
    sampler: Sampler
    schedule: str
    steps: StepPlan
    batches: tuple[tuple[ImagePlan, ...], ...]
    created: datetime
    control: tuple[PlannedUnit, ...] = ()
    vae: VaeFile | None = None  # None: the checkpoint's own
    refiner: PlannedRefiner | None = None
    embeddings: tuple[NetworkFile, ...] = ()
    networks: PlannedNetworks = NO_NETWORKS
    own_prompts: tuple[OwnPrompt, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def edits(self) -> bool:
        """Whether the checkpoint edits by instruction, so that Image CFG Scale counts."""
        return self.checkpoint.edits

    @property
    def latent_size(self) -> Size:
        """Width and height of the latents: the processing size divided by 8, truncated."""
        return Size(self.size.width // LATENT_FACTOR, self.size.height // LATENT_FACTOR)

    @property
    def images(self) -> tuple[ImagePlan, ...]:
        """Every picture of the job, in order."""
        return tuple(image for batch in self.batches for image in batch)

    def for_picture(self, image: ImagePlan) -> "Plan":
        """The same plan, saying what it says of this picture."""
        if not self.own_prompts:
            return self
        own = self.own_prompts[image.index]
        steps = schedule_steps(self.request.sampling)
        texts = read_prompt(own.prompt, self.settings, steps=steps)
        return replace(self, prompt=own.prompt, texts=texts, networks=own.networks)

    def parts(self) -> "Iterator[Plan]":
        """Plans that say the same of all their pictures, in order; most often this one."""
        if not self.own_prompts:
            yield self
            return
        for batch in self.batches:
            yield replace(self.for_picture(batch[0]), batches=(batch,), own_prompts=())


def plan_steps(steps: int, strength: float, family: Family, *, exact: bool) -> StepPlan:
    """How many steps A1111 runs for `steps` on the slider at `strength` in [0, 1].

    Usual rule: t_enc = trunc(min(strength, 0.999) * steps) on a schedule of `steps` levels.
    Exact rule (setting img2img_fix_steps): a schedule of trunc(steps / min(strength, 0.999))
    levels and t_enc = steps - 1. k-diffusion samplers then run t_enc + 1 steps, timestep samplers
    t_enc. 0.75 x 20 gives 16 and 15. InvalidRequest for the exact rule at strength 0, which names
    no schedule.
    """
    capped = min(strength, STRENGTH_CEILING)
    if exact:
        if strength == 0:
            raise InvalidRequest(
                "Denoising strength must be above 0 while exact steps are set in the settings."
            )
        total, walked = int(steps / capped), steps - 1
    else:
        total, walked = steps, int(capped * steps)
    return StepPlan(total=total, executed=walked + (family is Family.k_diffusion))


def make_plan(
    request: Img2ImgRequest,
    settings: Settings,
    catalog: Catalog,
    styles: StyleBook,
    *,
    control: ControlMenus = NO_CONTROL,
    files: PromptFiles = NO_FILES,
    draw_seed: Callable[[], int] = lambda: secrets.randbelow(MAX_RANDOM_SEED + 1),
    now: Callable[[], datetime] = datetime.now,
) -> Plan:
    """Answer every question `request` left open; raises UserError where there is no answer.

    `control` are the preprocessors and models that ControlNet units may name, `files` what the
    prompts may.
    """
    settings = settings.for_job(request.override_settings)
    sampler = _find_sampler(request, settings)
    schedule = find_schedule(request.sampling.schedule).label
    check_combination(sampler, schedule)
    if schedule == AUTOMATIC:
        schedule = sampler.automatic_schedule
    steps = plan_steps(
        request.sampling.steps,
        request.sampling.denoising_strength,
        sampler.family,
        exact=settings.img2img_fix_steps,
    )
    levels = schedule_levels(sampler, schedule, steps.total)
    checkpoint = catalog.find(request.model or settings.sd_model_checkpoint)
    check_for_img2img(checkpoint)
    batches = _plan_images(request, sampler, draw_seed)
    seeds = [image.seed for batch in batches for image in batch]
    filled = files.wildcards.fill(styles.apply(request.prompt), seeds)
    own_prompts = _own_prompts(request, filled.prompts, settings, files)
    prompt = filled.prompts[0]
    texts = read_prompt(prompt, settings, steps=schedule_steps(request.sampling))
    return Plan(
        request=request,
        settings=settings,
        checkpoint=checkpoint,
        prompt=prompt,
        texts=texts,
        size=_processing_size(request),
        sampler=sampler,
        schedule=schedule,
        # A schedule with more levels than asked for is walked to its end, as A1111 does.
        steps=replace(steps, executed=steps.executed + levels - steps.total),
        batches=tuple((image,) for batch in batches for image in batch) if own_prompts else batches,
        created=now(),
        control=plan_units(request, control, settings, checkpoint),
        vae=_choose_vae(catalog, checkpoint, settings),
        refiner=_plan_refiner(request, settings, catalog, checkpoint),
        embeddings=files.embeddings.current(),
        networks=_plan_networks(prompt, settings, files),
        own_prompts=own_prompts,
        notes=filled.notes,
    )


def _own_prompts(
    request: Img2ImgRequest, prompts: Sequence[Prompt], settings: Settings, files: PromptFiles
) -> tuple[OwnPrompt, ...]:
    """Those of all pictures if they differ, unless the pictures of a batch belong together."""
    together = request.style_align or request.control_batch is BatchOption.one_each
    if together or len(set(prompts)) == 1:
        return ()
    return tuple(
        OwnPrompt(prompt=prompt, networks=_plan_networks(prompt, settings, files))
        for prompt in prompts
    )


def _plan_networks(prompt: Prompt, settings: Settings, files: PromptFiles) -> PlannedNetworks:
    return plan_networks(
        networks_of(prompt, settings),
        files.loras,
        with_hashes=settings.lora_add_hashes_to_infotext,
    )


def _choose_vae(catalog: Catalog, checkpoint: Checkpoint, settings: Settings) -> VaeFile | None:
    return catalog.choose_vae(
        checkpoint, settings.sd_vae, overrides=settings.sd_vae_overrides_per_model_preferences
    )


def _plan_refiner(
    request: Img2ImgRequest, settings: Settings, catalog: Catalog, checkpoint: Checkpoint
) -> PlannedRefiner | None:
    """None where another model would never take over, or it is the same model."""
    wanted = request.refiner
    if wanted is None or wanted.switch_at >= 1:
        return None
    refiner = catalog.find(wanted.checkpoint)
    if refiner.path == checkpoint.path:
        return None
    check_for_img2img(refiner)
    if not share_latents(refiner.family, checkpoint.family):
        raise InvalidRequest(
            f"Refiner {refiner.title} is {refiner.family.value} and checkpoint {checkpoint.title} "
            f"is {checkpoint.family.value}; SDXL's go with SDXL's, and all others with each other."
        )
    return PlannedRefiner(
        checkpoint=refiner,
        switch_at=wanted.switch_at,
        vae=_choose_vae(catalog, refiner, settings),
    )


def _find_sampler(request: Img2ImgRequest, settings: Settings) -> Sampler:
    """The row of the menu, as the settings change it."""
    sampler = find_sampler(request.sampling.sampler)
    always = settings.always_discard_next_to_last_sigma and sampler.family is Family.k_diffusion
    return replace(sampler, discards_next_to_last_sigma=True) if always else sampler


def _processing_size(request: Img2ImgRequest) -> Size:
    match request.size:
        case ResizeTo(width=width, height=height):
            return Size(width, height)
        case ResizeBy(scale=scale):
            size = Size.of(request.init_image.size).scaled(scale)
            shorter, longer = sorted((size.width, size.height))
            if shorter < MIN_SIDE or longer > MAX_SIDE:
                raise InvalidRequest(
                    f"Scale {scale:g} makes a picture of {size}; "
                    f"each side must have between {MIN_SIDE} and {MAX_SIDE} pixels."
                )
            return size


def _plan_images(
    request: Img2ImgRequest, sampler: Sampler, draw_seed: Callable[[], int]
) -> tuple[tuple[ImagePlan, ...], ...]:
    """Seeds as A1111 counts them: seed + i, or one seed and subseed + i under a variation.

    A sampler that chooses its steps has one picture at a time, unless their styles are to be one.
    """
    seeds, batch = request.seeds, request.batch
    size = 1 if sampler.chooses_steps and not request.style_align else batch.size
    first = draw_seed() if seeds.seed == RANDOM_SEED else seeds.seed
    variation = draw_seed() if seeds.variation_seed == RANDOM_SEED else seeds.variation_seed
    varied = seeds.variation_strength != 0

    def image(index: int) -> ImagePlan:
        seed = first if varied else first + index
        return ImagePlan(
            index=index,
            seed=seed,
            variation_seed=variation + index,
        )

    return tuple(
        tuple(image(start + offset) for offset in range(size))
        for start in range(0, batch.count * batch.size, size)
    )
