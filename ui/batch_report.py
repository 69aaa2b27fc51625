"""What became of a batch's files, as HTML; everything that came from outside is escaped."""

import html

from pipelines.batch.report import BatchReport, FileReport, Outcome


def report_html(report: BatchReport) -> str:
    """A sentence, and a table with a row for every file: name, outcome, results and reasons."""
    summary = html.escape(report.sentence)
    if report.shown < report.made:
        summary += f" Shown are the first {report.shown} of {report.made} pictures."
    rows = "".join(_row(file) for file in report.files)
    if not rows:
        return f"<p>{summary}</p>"
    return (
        f'<details class="batch-report" open><summary>{summary}</summary>'
        f"<div><table><thead><tr><th>File</th><th></th><th>Result</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div></details>"
    )


def _row(file: FileReport) -> str:
    said = [*(html.escape(name) for name in file.saved), *map(html.escape, file.notes)]
    kind = "done" if file.outcome is Outcome.done else "not-done"
    return (
        f'<tr class="{kind}"><td>{html.escape(file.name)}</td>'
        f"<td>{file.outcome.value}</td><td>{'<br>'.join(said)}</td></tr>"
    )
