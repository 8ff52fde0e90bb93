"""Time SS4Rec's engine: training steps, single ops, growth. ``make bench`` runs it.

Nothing is timed while a correctness test is red. Prints a table and writes a CSV whose rows carry
hardware and commit.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path

import torch
from rivals import AuthorsBlock, PlainMamba, official_mamba
from timing import ROOT, commit, copy_bandwidth, hardware, median_ms, peak_gib
from torch import Tensor, nn

from seqrec.models.block import SS4RecBlock
from seqrec.models.ss4rec import SS4RecEncoder
from seqrec.ops.backend import resolve
from seqrec.ops.cross_entropy.naive import cross_entropy
from seqrec.ops.packing import Packing
from seqrec.ops.seen import Seen
from seqrec.parameters import SS4RecModel

Batch = tuple[Tensor, Tensor, Tensor]
PAPER = SS4RecModel(hidden_size=64, n_layers=2, dropout=0.2, d_state=32)
N_ITEMS = 3085
MANY_ITEMS = 84_000
ROWS: list[dict[str, object]] = []


def report(part: str, what: str, ms: float, **more: object) -> None:
    """Keep a row, and print it as it comes."""
    row = {"part": part, "what": what, "ms": round(ms, 4), **more}
    ROWS.append(row)
    print("  ".join(f"{value}" for value in row.values()), flush=True)


class AuthorsEncoder(nn.Module):
    """The authors' stack: `s5-pytorch` and `mamba_ssm` as their packages provide them."""

    def __init__(self) -> None:
        super().__init__()
        size, state = PAPER.hidden_size, PAPER.d_state
        self.item_embedding = nn.Embedding(N_ITEMS, size, padding_idx=0)
        self.blocks = nn.ModuleList(
            AuthorsBlock(size, state, official_mamba(size, state)) for _ in range(PAPER.n_layers)
        )

    def forward(self, items: Tensor, intervals: Tensor) -> Tensor:
        """Encode histories, (B, L, D)."""
        hidden = self.item_embedding(items)
        for block in self.blocks:
            hidden = block(hidden, intervals)
        return hidden


def batch_of(rows: int, length: int, device: str) -> tuple[Tensor, Tensor, Tensor]:
    """Random items and targets; intervals with ties, sessions and long gaps."""
    items = torch.randint(1, N_ITEMS, (rows, length), device=device)
    targets = torch.randint(1, N_ITEMS, (rows, length), device=device)
    intervals = torch.rand(rows, length, device=device) ** 8 * 1e6
    return items, intervals.floor() * (torch.rand_like(intervals) > 0.43), targets


def short_lengths(rows: int) -> Tensor:
    """Draw lengths as ML-1M's prefixes have them: exponential, mean 86 or so, at most 200."""
    return torch.empty(rows, device="cuda").exponential_(1 / 105).ceil().clamp(1, 200).long()


def training_step(
    encoder: nn.Module,
    batch: Batch,
    last: bool,
    lengths: Tensor | None = None,
    bf16: bool = False,
    seen: Callable[[], Seen] | None = None,
) -> Callable[[], None]:
    """Build forward, backward and Adam; prefixes learn their last target, windows all.

    With `lengths` rows end early and what would be padding is left out. With `seen` what it
    returns is left out of the loss.
    """
    items, intervals, targets = batch
    row, end, packing = torch.arange(len(items), device=items.device), items.shape[1] - 1, ()
    if lengths is not None:
        inside = torch.arange(items.shape[1], device=items.device) < lengths[:, None]
        packing = (Packing.of_lengths(lengths, items.shape[1]),)
        items, intervals, tokens = items[inside], intervals[inside], targets[inside]
        last_token = packing[0].cu_seqlens[1:] - 1
    ours = isinstance(encoder, SS4RecEncoder)  # fused Adam refuses complex parameters
    optimizer = torch.optim.Adam(
        encoder.parameters(), lr=1e-3, fused=ours and items.is_cuda, capturable=items.is_cuda
    )
    loss_of = encoder.backend.cross_entropy if ours else cross_entropy

    def step() -> None:
        with torch.autocast(items.device.type, torch.bfloat16, enabled=bf16, cache_enabled=False):
            hidden = encoder(items, intervals, *packing)
            if packing:
                hidden, wanted = (hidden[last_token], targets[:, -1]) if last else (hidden, tokens)
            else:
                hidden = hidden[row, end] if last else hidden.flatten(0, 1)
                wanted = targets[:, -1] if last else targets.flatten()
            more = (seen(),) if seen else ()
            loss = loss_of(hidden, encoder.item_embedding.weight, wanted, *more)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def as_graph(step: Callable[[], None]) -> Callable[[], None]:
    """Record a step once as a CUDA graph; replaying it launches nothing from Python."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def encoder_of(name: str) -> nn.Module:
    """Build the authors' encoder, or ours on a backend."""
    if name == "authors":
        return AuthorsEncoder().cuda()
    return SS4RecEncoder(PAPER, N_ITEMS, resolve(name, "cuda")).cuda()


def steps_on_gpu() -> None:
    """Time whole training steps, the authors' arrangement beside ours."""
    for part, rows, last in (
        ("step prefix 1024x200", 1024, True),
        ("step sequence 128x200", 128, False),
    ):
        batch = batch_of(rows, 200, "cuda")
        reference = None
        for what, tf32, graph in (
            ("authors", False, False), ("official", False, False), ("triton", False, False),
            ("triton, tf32", True, False), ("triton, graph", False, True),
            ("triton, tf32, graph", True, True), ("triton, bf16, graph", True, True),
            ("triton, tf32, packed", True, False),
        ):  # fmt: skip
            torch.set_float32_matmul_precision("high" if tf32 else "highest")
            torch.manual_seed(0)
            encoder = encoder_of(what.split(",")[0])
            lengths = short_lengths(rows) if "packed" in what else None
            step = training_step(encoder, batch, last, lengths, "bf16" in what)
            memory = peak_gib(step)
            ms = median_ms(as_graph(step) if graph else step, "cuda")
            reference = reference or ms
            report(part, what, ms, ratio=round(reference / ms, 2), gib=round(memory, 2))
            del encoder, step
            torch.cuda.empty_cache()
    torch.set_float32_matmul_precision("highest")


def candidates(device: str) -> None:
    """Time losses and steps that leave out what a position has seen beside those that do not.

    Histories are 200 inputs and 200 items before them. A loss comes with both gradients, and
    memory with weights and inputs.
    """
    rows = 128 if device == "cuda" else 8
    for n_items, precision in product((N_ITEMS, MANY_ITEMS), PRECISIONS[device]):
        torch.set_float32_matmul_precision("highest" if precision == "float32" else "high")
        for part, make in (("loss", loss_of_histories), ("step", step_of_histories)):
            usual = 0.0
            for what in ("all", "unseen"):
                torch.manual_seed(0)
                work = make(device, rows, n_items, what == "unseen", precision == "bf16")
                ms, more = measured(work, device)
                usual = usual or ms
                name = f"{part} {rows}x200, {n_items} items, {precision}"
                report(name, f"candidates {what}", ms, ratio=round(ms / usual, 3), **more)
                del work
    torch.set_float32_matmul_precision("highest")


PRECISIONS = {"cuda": ("float32", "tf32", "bf16"), "cpu": ("float32",)}


def measured(work: Callable[[], None], device: str) -> tuple[float, dict[str, float]]:
    """Return milliseconds, of a graph on a GPU, and GiB there."""
    if device == "cpu":
        return median_ms(work, device, repeats=5, warmup=1), {}
    torch.cuda.empty_cache()
    memory = {"gib": round(peak_gib(work), 3)}
    return median_ms(as_graph(work), device), memory


def histories_of(rows: int, n_items: int, device: str) -> Callable[[], Seen]:
    """Draw histories of 200 inputs with 200 items before them; a call makes what is seen."""
    inputs, before = (torch.randint(1, n_items, (rows * 200,), device=device) for _ in range(2))
    counts = torch.full((rows,), 200, device=device)
    packing = Packing.of_lengths(counts, 200)
    return lambda: Seen.of_windows(inputs, packing, before, counts)


def loss_of_histories(
    device: str, rows: int, n_items: int, unseen: bool, bf16: bool
) -> Callable[[], None]:
    """Build the loss of every position with both gradients."""
    seen = histories_of(rows, n_items, device)
    targets = torch.randint(1, n_items, (rows * 200,), device=device)
    hidden, items = (
        torch.randn(n, PAPER.hidden_size, device=device, requires_grad=True)
        for n in (rows * 200, n_items)
    )
    cross_entropy = resolve("auto", device).cross_entropy

    def work() -> None:
        with torch.autocast(device, torch.bfloat16, enabled=bf16, cache_enabled=False):
            loss = cross_entropy(hidden, items, targets, seen() if unseen else None)
        torch.autograd.grad(loss, (hidden, items))

    return work


def step_of_histories(
    device: str, rows: int, n_items: int, unseen: bool, bf16: bool
) -> Callable[[], None]:
    """Build a whole training step of windows."""
    encoder = SS4RecEncoder(PAPER, n_items, resolve("auto", device)).to(device)
    seen = histories_of(rows, n_items, device) if unseen else None
    return training_step(encoder, batch_of(rows, 200, device), False, bf16=bf16, seen=seen)


def op_inputs(op: str, rows: int, length: int, device: str) -> list[Tensor]:
    """Inputs of one op at the paper's sizes, gradients on."""
    E, N, P = 128, PAPER.d_state, PAPER.d_state
    if op == "zoh_scan":
        shapes = [(rows, length, 2 * P), (rows, length), (P,), (P,), (P,)]
    elif op == "selective_scan":
        shapes = (
            [(rows, length, E)] * 2
            + [(E, N)]
            + [(rows, length, N)] * 2
            + [(E,), (rows, length, E)]
        )
    else:
        shapes = [(rows, length, E), (E, 4), (E,)]
    inputs = [torch.randn(shape, device=device) for shape in shapes]
    if op == "zoh_scan":
        inputs[1], inputs[2], inputs[4] = (
            inputs[1].abs() * 30,
            -inputs[2].abs() - 0.1,
            inputs[4].abs() * 0.1,
        )
    if op == "selective_scan":
        inputs[2] = -inputs[2].abs() - 0.1
    return [x.requires_grad_() for x in inputs]


def time_op(
    op: str, backend: str, rows: int, length: int, device: str
) -> tuple[float, float, int]:
    """Return forward ms, backward ms, and the bytes of inputs and outputs, each moved once."""
    inputs = op_inputs(op, rows, length, device)
    fn = getattr(resolve(backend, device), op)
    forward = median_ms(lambda: fn(*inputs), device)
    y, _ = fn(*inputs)
    weight = torch.randn_like(y)
    backward = median_ms(
        lambda: torch.autograd.grad(y, inputs, weight, retain_graph=True, allow_unused=True),
        device,
    )
    return forward, backward, sum(x.numel() * 4 for x in inputs) + y.numel() * 4


def ops_alone(device: str, backends: tuple[str, ...], rows: int) -> None:
    """Time each op forward and backward; compare bytes per second with a plain copy."""
    limit = copy_bandwidth(device)
    report("copy", "device copy", 0.0, gb_per_s=round(limit / 1e9))
    for op in ("zoh_scan", "selective_scan", "causal_conv"):
        for backend in backends:
            forward, backward, moved = time_op(op, backend, rows, 200, device)
            share = moved / (forward / 1e3) / limit
            report(f"{op} {rows}x200", f"{backend} forward", forward, of_copy=round(share, 3))
            share = 2 * moved / (backward / 1e3) / limit
            report(f"{op} {rows}x200", f"{backend} backward", backward, of_copy=round(share, 3))


def growth(device: str) -> None:
    """Time the two scans, forward and backward, against length and batch."""
    for rows, length in [*((128, n) for n in (50, 100, 200, 500, 1000, 2000, 4000)),
                         *((n, 200) for n in (1, 4, 16, 64, 256, 1024, 4096))]:  # fmt: skip
        for op in ("zoh_scan", "selective_scan"):
            forward, backward, _ = time_op(op, "auto", rows, length, device)
            tokens = rows * length
            report(
                f"growth {op}",
                f"{rows}x{length}",
                forward + backward,
                ns_per_token=round((forward + backward) * 1e6 / tokens, 2),
            )


def block_on_cpu() -> None:
    """Time one block forward and backward at 64 × 200 against the usual alternatives."""
    model = PAPER.model_copy(update={"dropout": 0.0})
    x, interval = torch.randn(64, 200, 64, requires_grad=True), torch.rand(64, 200) * 100
    plain = PlainMamba(64, 32, 4, 2, resolve("torch", "cpu"))
    blocks = {
        "torch": lambda: SS4RecBlock(model, resolve("torch", "cpu")),
        "naive": lambda: SS4RecBlock(model, resolve("naive", "cpu")),
        "s5-pytorch + plain Mamba": lambda: AuthorsBlock(64, 32, plain, dropout=0.0),
    }
    ours = None
    for what, make in blocks.items():
        block = make()

        def work(block: nn.Module = block) -> None:
            y = block(x, interval)
            (y[0] if isinstance(y, tuple) else y).sum().backward()

        slow = "s5-pytorch" in what  # most of a minute a time
        ms = median_ms(work, "cpu", repeats=1 if slow else 9, warmup=1 if slow else 3)
        ours = ours or ms
        report("block 64x200, forward and backward", what, ms, ratio=round(ms / ours, 2))


def gate(device: str) -> None:
    """Refuse to time what is not correct."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "tests/ops", "-p", "no:cacheprovider"]
    if device == "cuda":
        command += ["-m", "gpu"]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        sys.exit("the parity tests are red: nothing is timed")


def main() -> None:
    """Run the parts that fit the device."""
    parser = argparse.ArgumentParser(description=__doc__)
    has_gpu = torch.cuda.is_available()
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if has_gpu else "cpu")
    parser.add_argument(
        "--out", type=Path, help="CSV to write; benchmarks/results/<part or ssm>-<device>.csv"
    )
    parser.add_argument("--only", choices=["candidates"], help="one part, not all of them")
    arguments = parser.parse_args()
    gate(arguments.device)
    if arguments.only == "candidates":
        candidates(arguments.device)
    elif arguments.device == "cuda":
        steps_on_gpu()
        ops_alone("cuda", ("triton", "official"), 1024)
        growth("cuda")
        candidates("cuda")
    else:
        block_on_cpu()
        ops_alone("cpu", ("torch", "naive"), 64)
    name = f"{arguments.only or 'ssm'}-{arguments.device}.csv"
    out = arguments.out or ROOT / "benchmarks" / "results" / name
    facts = {
        "hardware": hardware(arguments.device),
        "torch": torch.__version__,
        "commit": commit(),
    }
    fields = list(dict.fromkeys(key for row in ROWS for key in row)) + list(facts)
    with out.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, fields)
        writer.writeheader()
        writer.writerows({**row, **facts} for row in ROWS)
    print(f"written: {out}")


if __name__ == "__main__":
    main()
