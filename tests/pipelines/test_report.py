"""The report says what was compared on what, and can be read on every screen."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from seqrec.datasets.optional import OptionalDataset
from seqrec.model_registry import MODELS, RANKERS
from seqrec.parameters import Evaluation
from seqrec.pipelines._plots import PALETTE, PAPERS, SYMBOLS
from seqrec.pipelines.evaluation import beside, compared, details, nodes, plots, profile, wording
from seqrec.pipelines.evaluation.report import render_report
from seqrec.pipelines.leaderboard.nodes import plot_leaderboard
from seqrec.pipelines.recbole_format.nodes import describe_interactions
from seqrec.record import configuration_of_record
from seqrec.tables import columns as c
from seqrec.tables.facts import FACTS
from tests.cli import chromium
from tests.conftest import ROOT, cyclic_ratings, on_engine, options_of, process

OPTIONS = Evaluation(bootstrap_samples=100, cutoffs=(5, 10))
NAMES = ("ss4rec", "ncf", "popularity")
PROVENANCE = {"environment": "smoke", "device": "CPU", "commit": "abc", "dataset": "toy"}
DATA = "0123456789abcdef"


def ranks_of(interactions, shift):
    """Ranks that differ by user and model, the same under every protocol."""
    test = interactions[interactions[c.SPLIT] == c.TEST]
    ranks = (np.arange(len(test)) * 7 + shift) % 19 + 1.0
    return pd.concat(
        [
            test[[c.USER, c.ITEM]].assign(
                **{c.MASK: mask, c.QUERY_TIME: when, c.RANK: ranks, c.CANDIDATES: 20}
            )
            for mask in c.MASKS
            for when in c.QUERY_TIMES
        ],
        ignore_index=True,
    )


def training_log(loss):
    figures = ("train_seconds", "valid_seconds", "memory_gib", "targets_per_second")
    log = pd.DataFrame({c.EPOCH: [0, 1, 2], "loss": loss, "NDCG@10": [0.1, 0.2, 0.3]})
    return log.assign(**dict.fromkeys((*figures, "gradient_norm", "largest_gradient_norm"), 1.0))


LOGS = {"ss4rec": training_log([6.0, 5.0, 4.5]), "ncf": training_log([0.6, 0.4, 0.3])}


@pytest.fixture(scope="module")
def parts(interactions):
    """Everything that the report is made from, as the nodes make it."""
    ranks = {name: ranks_of(interactions, 5 * i) for i, name in enumerate(NAMES)}
    metrics = {name: nodes.measure_ranks(table, OPTIONS) for name, table in ranks.items()}
    comparison = nodes.compare_models(OPTIONS, **metrics)
    movies = interactions[[c.ITEM]].drop_duplicates().assign(**{c.TITLE: "<Film> & more"})
    curves = profile.profile_interactions(on_engine(interactions))
    stats = {**describe_interactions(on_engine(interactions)), "fingerprint": DATA}
    return {
        "evaluation": OPTIONS,
        "comparison": comparison,
        "differences": nodes.subtract_models(OPTIONS, **metrics),
        "interaction_stats": stats,
        "provenance": PROVENANCE,
        "compared": compared.describe_compared(stats, PROVENANCE, **metrics),
        "training_costs": details.summarise_trainings(**LOGS),
        "user_slices": details.slice_users(OPTIONS, interactions, **metrics),
        "examples": details.pick_examples(OPTIONS, interactions, movies, **ranks),
        "leaderboard": None,
        "lists": {"rows": []},
        "training_plot": plots.plot_training(**LOGS),
        "metrics_plot": plots.plot_metrics(comparison, OPTIONS),
        "ranks_plot": plots.plot_ranks(OPTIONS, **ranks),
        "data_plot": profile.plot_profile(curves),
    }


def body_of(html):
    """The page before its scripts, white space aside."""
    return re.sub(r"\s+", " ", html.split("<script>")[0])


def test_the_head_says_what_was_compared_on_what(parts):
    page = body_of(render_report(**parts))
    for fact in (
        "<h1>SS4Rec, NCF (NeuMF) and Popularity on toy</h1>",
        "24 users, 20 items, ",
        "Leave one out: each user&#39;s last interaction is held out",
        "All 24 users are asked.",
        "smoke, CPU",
        DATA,
        "95% interval over users only",
        "another seed may fall outside these intervals",
    ):
        assert fact in page, fact
    assert page.index(DATA) < page.index("<h2>Results</h2>")
    assert "Trainings compared" not in page  # nothing is known of them: nothing is said


def test_every_training_is_named_by_what_differs_from_the_one_of_record(parts):
    record = configuration_of_record(str(ROOT / "conf"))
    assert set(record) == set(MODELS)
    experiment = {
        "name": "ncf",
        "model": record["ncf"]["model"],
        "training": {**record["ncf"]["training"], "seed": 7, "epochs": 3},
    }
    table = pd.DataFrame()
    facts = {"experiment": experiment, "data": DATA, "version": "v9"}
    table.attrs[FACTS] = {**facts, "protocol": options_of().model_dump(mode="json")}
    provenance = {**PROVENANCE, "record": record}
    found = compared.describe_compared({}, provenance, ncf=table, popularity=pd.DataFrame())
    (model,) = found["models"]
    assert found["data"] == DATA
    assert (model["model"], model["seed"], model["version"]) == ("NCF (NeuMF)", 7, "v9")
    assert model["differs"] == ["epochs=3"]
    page = body_of(render_report(**{**parts, "provenance": provenance, "compared": found}))
    assert re.search(r"differs from conf/base in.*epochs=3", page)
    assert model["fingerprint"] in page
    assert "are in the file&#39;s order" in page
    unknown = compared.describe_compared({}, PROVENANCE, ncf=table)
    page = body_of(render_report(**{**parts, "compared": unknown}))
    assert "differs from" not in page


def test_one_table_has_a_column_per_protocol_and_marks_the_best(parts):
    page = body_of(render_report(**parts))
    (table,) = re.findall(r'<table class="results">.*?</table>', page)
    assert re.findall(r"<th>(masked|unmasked)</th>", table) == ["masked"] * 2 + ["unmasked"] * 2
    assert table.count("headline") == 1
    comparison = parts["comparison"].set_index([c.MODEL, c.MASK, c.QUERY_TIME, "metric"])["mean"]
    row = comparison.xs((c.MASKED, c.KNOWN, "NDCG@10"), level=(1, 2, 3))
    group = table.split(">NDCG@10<")[1].split("</tbody>")[0]
    best = re.findall(r'class="best"><b>([\d.]+)</b>', group)
    assert best == [f"{row.max():.4f}"] * 4
    lift = f"{row['ss4rec'] / row['popularity'] - 1:+.0%}".replace("-", "−")
    assert group.count(f"<i>{lift}</i>") == 4
    for explained in ("History masked", "Unmasked", "Query time known", "lift over Popularity"):
        assert explained in page


def test_slices_have_intervals_around_their_means(parts):
    slices = parts["user_slices"]
    for title in ("SS4Rec", "NCF (NeuMF)", "Popularity"):
        assert (slices[f"{title} low"] <= slices[title]).all()
        assert (slices[title] <= slices[f"{title} high"]).all()
    row = slices.iloc[0]
    interval = f"{row['SS4Rec low']:.3f}–{row['SS4Rec high']:.3f}"
    page = body_of(render_report(**parts))
    assert interval in page.split("<h2>Who gains</h2>")[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "Leave one out: each user's last interaction"),
        ({"tie_policy": "group"}, "Leave one out: the second of each user's last interaction"),
        ({"split": "temporal"}, "Each user's first interaction after a later one is held out"),
        ({"split": "temporal", "tie_policy": "group"}, "The second of each user's first interac"),
    ],
)
def test_the_protocol_is_told_as_it_is(options, said):
    ratings = cyclic_ratings(users=40, shortest=3)
    early = {"valid_from": 0.3, "test_from": 0.5} if "split" in options else {}
    table = process(ratings, user_core=3, **options, **early)
    stats = describe_interactions(on_engine(table))
    told = wording.describe_protocol(stats, None)
    assert said in told["held out"]
    asked = table.loc[table[c.SPLIT] == c.TEST, c.USER].nunique()
    users = table[c.USER].nunique()
    every = f"All {users} users are asked."
    assert told["asked"].startswith(every if asked == users else f"{asked} of {users} users are")
    assert (asked < users) == ("others" in told["asked"])
    assert ("right answer" in told.get("ties", "")) == (options.get("tie_policy") == "group")


def test_what_the_data_says_of_its_protocol_comes_first(interactions):
    stats = describe_interactions(on_engine(interactions))
    protocol = options_of(min_rating=4.0).model_dump(mode="json")
    told = wording.describe_protocol(stats, protocol)
    assert told["ties"].startswith("Interactions in the same second are in the file's order.")
    assert told["kept"].startswith("Ratings of 4 and more, users with 5 or more of them")


def leaderboard(data, **facts):
    columns = {c.MODEL: ["sasrec"], "seeds": 3, "HR@10": 0.2, "NDCG@10": 0.1, "MRR@10": 0.08}
    table = pd.DataFrame({**columns, "low": 0.09, "high": 0.11})
    table.attrs[FACTS] = {"data": data, **facts}
    return table


TRAINED = {"name": "ss4rec", "model": {"d_state": 8}, "training": {"seed": 1}}
"""The training of SS4Rec that the report compares."""


@pytest.fixture
def shown(parts, interactions):
    """Render the report beside a leaderboard and lists of SS4Rec; the page's body."""
    table = pd.DataFrame()
    table.attrs[FACTS] = {"experiment": TRAINED, "data": DATA}
    of_models = compared.describe_compared({"fingerprint": DATA}, PROVENANCE, ss4rec=table)

    def render(board, *versions):
        lists = beside.compare_lists(of_models, ss4rec_lists=list(versions), ncf_lists=[])
        more = {"compared": of_models, "leaderboard": board, "lists": lists}
        return body_of(render_report(**{**parts, **more}))

    return render


def lists_of(coverage, **facts):
    how = {"users": 24, "k": 7, "exclude_seen": False}
    origin = {"experiment": TRAINED, "data": DATA, "lists": how, **facts}
    return {"now": {"coverage": coverage}, FACTS: origin}


def test_a_leaderboard_and_lists_of_the_compared_trainings_are_shown(shown):
    board = leaderboard(DATA, headline=[c.MASKED, c.KNOWN])
    page = shown(board, lists_of(0.75), lists_of(0.25))
    table = page.split("<h2>Every training on this data</h2>")[1].split("</table>")[0]
    assert re.search(r"sasrec.*0\.0900 to 0\.1100.*users and seeds", table)
    table = page.split("<h2>What the lists are like</h2>")[1].split("</table>")[0]
    cells = re.findall(r"<td>(.*?)</td>", table)
    assert cells == ["SS4Rec", "now", "24", "7", "listed too", "0.250"]


def test_lists_of_an_ablation_do_not_hide_those_of_the_compared_training(shown):
    ablation = {**TRAINED, "model": {"d_state": 4}}
    page = shown(None, lists_of(0.25), lists_of(0.75, experiment=ablation))
    assert ">0.250<" in page
    assert ">0.750<" not in page


@pytest.mark.parametrize(
    "facts",
    [
        {"data": "another"},
        {"data": None},
        {"experiment": {**TRAINED, "training": {"seed": 2}}},
        {"experiment": None},
    ],
    ids=["other data", "unknown data", "another seed", "unknown training"],
)
def test_lists_of_other_trainings_are_not_shown(shown, facts):
    assert "What the lists are like" not in shown(None, lists_of(0.25, **facts))


@pytest.mark.parametrize(
    ("data", "facts"),
    [("another", {}), (None, {}), (DATA, {"headline": [c.UNMASKED, c.KNOWN]})],
    ids=["other data", "unknown data", "another protocol"],
)
def test_a_leaderboard_of_something_else_is_not_shown(shown, data, facts):
    assert "Every training on this data" not in shown(leaderboard(data, **facts))


def test_one_user_has_no_interval(parts, interactions):
    alone = interactions[interactions[c.USER] == interactions[c.USER].iloc[0]]
    metrics = {
        name: nodes.measure_ranks(ranks_of(alone, 5 * i), OPTIONS) for i, name in enumerate(NAMES)
    }
    of_one = {
        "comparison": nodes.compare_models(OPTIONS, **metrics),
        "differences": nodes.subtract_models(OPTIONS, **metrics),
        "user_slices": details.slice_users(OPTIONS, alone, **metrics),
        "leaderboard": leaderboard(DATA, users=1),
    }
    page = body_of(render_report(**{**parts, **of_one}))
    assert page.count("for the only user: one user gives no interval.") == 2
    assert not re.search(r"\d–\d", page.split("<h2>Results</h2>")[1])
    assert "0.0900 to 0.1100" not in page


def test_a_dataset_may_be_missing(tmp_path):
    entry = {"type": "json.JSONDataset", "filepath": str(tmp_path / "figures.json")}
    dataset = OptionalDataset(dataset=entry)
    assert dataset.exists()
    assert dataset.load() is None
    (tmp_path / "figures.json").write_text('{"a": 1}')
    assert dataset.load() == {"a": 1}


def luminance(colour):
    """Relative luminance of ``#rrggbb`` (WCAG 2)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in channels]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def contrast(first, second):
    """Contrast ratio of two colours (WCAG 2), from 1 to 21.

    >>> round(contrast("#000000", "#ffffff"))
    21
    """
    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def colours_of(trace):
    """What a reader has to see of a trace: lines, points, bars, error bars."""
    found = json.loads(trace.to_json())
    drawn = [found.get(part, {}).get("color") for part in ("line", "marker", "error_x", "error_y")]
    return [colour for colour in drawn if colour]


def test_colours_stand_out_on_light_and_on_dark(parts):
    figures = [part for name, part in parts.items() if name.endswith("_plot")]
    figures.append(plot_leaderboard(leaderboard(DATA)))
    drawn = [colour for figure in figures for t in figure.data for colour in colours_of(t)]
    assert len(drawn) > len(figures)
    for colour in {*drawn, *PALETTE.values()}:
        for paper in PAPERS.values():
            assert contrast(colour, paper) >= 3, (colour, paper)
    assert set(SYMBOLS) == set(PALETTE)
    assert len(set(SYMBOLS.values())) == len(SYMBOLS)


def test_error_bars_have_their_models_colour(parts):
    for trace in parts["metrics_plot"].data:
        assert trace.error_y.color == trace.marker.color


def test_losses_of_different_kinds_share_no_axis(parts):
    losses = [trace for trace in parts["training_plot"].data if trace.xaxis in (None, "x")]
    assert [trace.y[0] for trace in losses] == [1, 1]
    assert [trace.customdata[0] for trace in losses] == [6.0, 0.6]
    assert losses[1].y[2] == pytest.approx(0.5)


MEASURE = """
<script>addEventListener("load", () => setTimeout(() => {
  const page = document.querySelector("iframe").contentWindow;
  const doc = page.document, found = {width: doc.documentElement.scrollWidth, over: [], cut: []};
  const box = node => node.getBoundingClientRect();
  for (const figure of doc.querySelectorAll(".figure")) {
    const all = figure.querySelectorAll(".annotation-text, .xtitle, .ytitle, .legendtext");
    const texts = [doc.getElementById(figure.id.replace("figure", "legend")), ...all];
    texts.forEach((a, i) => texts.slice(i + 1).forEach(b => {
      const [p, q] = [box(a), box(b)];
      if (p.left < q.right - 1 && q.left < p.right - 1 && p.top < q.bottom - 1
          && q.top < p.bottom - 1) found.over.push(a.textContent + " / " + b.textContent);
    }));
    for (const text of figure.querySelectorAll("text")) {
      const [p, q] = [box(text), box(figure)];
      const out = p.left < q.left - 1 || p.right > q.right + 1;
      if (p.width && out) found.cut.push(text.textContent);
    }
    found.drawn = (found.drawn || 0) + (figure.querySelector(".main-svg") ? 1 : 0);
  }
  found.tallest = Math.max(...[...doc.querySelectorAll("tr")].map(row => box(row).height));
  found.ink = page.getComputedStyle(doc.body).color;
  const out = document.createElement("pre");
  out.id = "found";
  out.textContent = JSON.stringify(found);
  document.body.append(out);
}, 4000));</script>
"""


@pytest.mark.parametrize(("scheme", "ink"), [(1, "rgb(27, 31, 36)"), (0, "rgb(231, 233, 236)")])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_cut_and_no_texts_collide(parts, tmp_path, width, scheme, ink):
    trained = {"fingerprint": DATA, "seed": 1, "version": "2026-11-24T13.38.55.081Z"}
    differs = [f"{name}=0.0123" for name in ("dropout", "learning_rate", "weight_decay")] * 3
    models = [{"model": "NCF (NeuMF)", **trained, "differs": differs}]
    full = {"provenance": {**PROVENANCE, "record": {}}, "leaderboard": leaderboard(DATA)}
    full["compared"] = {**parts["compared"], "models": models}
    html = render_report(**{**parts, **full})
    (tmp_path / "report.html").write_text(html, encoding="utf-8")
    frame = f'<iframe src="report.html" style="width:{width}px;height:4000px;border:0"></iframe>'
    (tmp_path / "frame.html").write_text(frame + MEASURE, encoding="utf-8")
    page = chromium(
        "--dump-dom", "--virtual-time-budget=12000", "--allow-file-access-from-files",
        "--window-size=1400,4200", f"--blink-settings=preferredColorScheme={scheme}",
        f"file://{tmp_path / 'frame.html'}", profile=tmp_path / "p",
    )  # fmt: skip
    found = json.loads(re.search(r'<pre id="found">(.*?)</pre>', page)[1])
    assert found["drawn"] == 4
    assert found["width"] <= width
    assert found["tallest"] < 250  # no column so narrow that it has a letter a line
    assert found["over"] == []
    assert found["cut"] == []
    assert found["ink"] == ink


def test_every_colour_of_the_registry_is_in_the_palette():
    colours = {spec.colour for spec in (*MODELS.values(), *RANKERS.values()) if spec.colour}
    assert colours <= set(PALETTE)
