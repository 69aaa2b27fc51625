// The weights of an IP-Adapter, layer by layer, as a small picture of bars.
(() => {
  const HIGHEST = 1; // weight that a bar has the full height for, if none is above
  const GAP = 0.15; // of the width of a bar, on either side

  // The numbers typed into Weights; null for none, and for what is no list of numbers.
  const typed = (text) => {
    if (!text?.trim()) return null;
    const numbers = text.split(",").map((part) => (part.trim() ? Number(part) : NaN));
    return numbers.every(Number.isFinite) ? numbers : null;
  };

  const short = (number) => String(Number(number.toFixed(2)));

  // {picture, about}: the address of an SVG whose bars are the weights, and in words what they are.
  // `shares` has, for each layer, how much of the two weights counts.
  redraw.plotWeights = ({ weight, composition, layerWeights }, shares) => {
    const weights =
      typed(layerWeights) ?? shares.map(([main, part]) => weight * main + composition * part);
    const top = Math.max(HIGHEST, ...weights);
    const bars = weights.map((value, layer) => {
      const height = short((100 * Math.max(0, value)) / top);
      return `M${layer + GAP} 100v-${height}h${1 - 2 * GAP}v${height}z`;
    });
    const svg =
      `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 ${weights.length} 100' ` +
      `preserveAspectRatio='none'><path d='${bars.join("")}'/></svg>`;
    const picture = `data:image/svg+xml,${encodeURIComponent(svg).replaceAll("'", "%27")}`;
    const least = short(Math.min(...weights));
    const most = short(Math.max(...weights));
    const span = least === most ? least : `${least} to ${most}`;
    const isMistaken = typed(layerWeights) && weights.length !== shares.length;
    const wanted = isMistaken ? `; the checkpoint has ${shares.length}` : "";
    return { picture, about: `${weights.length} layers, ${span}${wanted}` };
  };
})();
