"""Mamba's recurrence in one kernel each way: softplus, scan, skip, gate and every gradient.

A program is one warp and runs a block of channels of one history. Its 32 lanes are NG groups of
states × 32 / NG channels; a lane keeps NI states of EI channels in registers: a tile is
(NI, EI, 32). The inputs of the next step are loaded while the present one is computed. The forward
pass keeps the states of every `CHUNK`-th step; the backward pass rebuilds a chunk at a time.
Histories lie one after the other in flat arrays, and `cu_seqlens` says where each begins: padding
is never visited.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from seqrec.ops.packing import Packing

FEW_ROWS = 512
"""Histories below which a GPU is not filled."""
# Channels of a program and groups of states among its lanes, for few histories and for many, and
# the steps between kept states, as measured on an H100 (docs/concepts/kernels.md).
FORWARD = (8, 4), (32, 4)
BACKWARD = (16, 4), (32, 4)
CHUNK = 8, 16
LOG2_E = tl.constexpr(1.4426950408889634)


@triton.jit
def _softplus(x):
    return tl.where(x > 20.0, x, tl.log(1.0 + tl.exp(tl.minimum(x, 20.0))))


@triton.jit
def _sigmoid(x):
    return 1.0 / (1.0 + tl.exp(-x))


@triton.jit
def _over_states(tile, NG: tl.constexpr):
    """Sum (NI, EI, 32) over its states, (1, EI, 32)."""
    EI: tl.constexpr = tile.shape[1]
    own = tl.reshape(tl.sum(tile, axis=0, keep_dims=True), [1, EI, NG, 32 // NG])
    total = tl.broadcast_to(tl.sum(own, axis=2, keep_dims=True), [1, EI, NG, 32 // NG])
    return tl.reshape(total, [1, EI, 32])


@triton.jit
def _over_channels(tile, NG: tl.constexpr):
    """Sum (NI, EI, 32) over its channels, (NI, 1, 32)."""
    NI: tl.constexpr = tile.shape[0]
    own = tl.reshape(tl.sum(tile, axis=1, keep_dims=True), [NI, 1, NG, 32 // NG])
    total = tl.broadcast_to(tl.sum(own, axis=3, keep_dims=True), [NI, 1, NG, 32 // NG])
    return tl.reshape(total, [NI, 1, 32])


@triton.jit
def _places(NI: tl.constexpr, EI: tl.constexpr, NG: tl.constexpr, zero):
    """States (NI, 1, 32) and channels (1, EI, 32) of a tile, and its own cells (NI, EI, 32).

    `zero` hides from the compiler how lanes lie in memory: it would widen the loads to four
    neighbours a lane, and move every tile between two layouts at each step. Places are 64 bits
    wide, so that a lane's are one register and constants.
    """
    ni = tl.arange(0, NI)[:, None, None].to(tl.int64)
    ei = tl.arange(0, EI)[None, :, None].to(tl.int64)
    lane = (tl.arange(0, 32)[None, None, :] + zero).to(tl.int64)
    states = tl.max_contiguous(ni * NG + lane // (32 // NG), [1, 1, 32])
    channels = tl.max_contiguous(ei * (32 // NG) + lane % (32 // NG), [1, 1, 32])
    return states, channels, (ni * EI + ei) * 32 + lane


@triton.jit
def _load(pointer, mask):
    return tl.load(pointer, mask=mask, other=0.0).to(tl.float32)


@triton.jit(do_not_specialize=["zero"])
def _selective_forward(
    u, dt, A, B, C, D, z, state, y, last, kept, cu_seqlens,
    u_row, dt_row, b_row, c_row, z_row, E, zero,
    N: tl.constexpr, NI: tl.constexpr, EI: tl.constexpr, NG: tl.constexpr,
    CHUNK: tl.constexpr, WHOLE: tl.constexpr, HAS_STATE: tl.constexpr,
):  # fmt: skip  # a line each for inputs, gradients, sizes
    b = tl.program_id(0).to(tl.int64)
    start, end = tl.load(cu_seqlens + b), tl.load(cu_seqlens + b + 1)
    first = tl.program_id(1) * EI * (32 // NG)
    n, near, _ = _places(NI, EI, NG, zero)
    e = first + near
    in_e, in_n = (e < E) | WHOLE, (n < N) | (NI * NG == N)
    a = _load(A + e * N + n, in_e & in_n) * LOG2_E
    skip = _load(D + e, in_e)
    tile: tl.constexpr = NI * NG * 32
    blocks = tl.cdiv(E, 32)
    own = (b * blocks + first // 32) * tile + first % 32 + n * 32 + near
    chunk = kept + start // CHUNK * blocks * tile + own
    h = tl.zeros([NI, EI, 32], tl.float32)
    if HAS_STATE:
        h = tl.load(state + own)
    begin = tl.minimum(start, tl.maximum(end - 1, 0))  # an empty history may lie past the end
    ut, raw = _load(u + begin * u_row + e, in_e), _load(dt + begin * dt_row + e, in_e)
    bt, ct = _load(B + begin * b_row + n, in_n), _load(C + begin * c_row + n, in_n)
    zt = _load(z + begin * z_row + e, in_e)
    for t in range(start, end):
        if (t - start) % CHUNK == 0:
            tl.store(chunk + (t - start) // CHUNK * blocks * tile, h)
        ahead = tl.minimum(t + 1, end - 1)
        next_u, next_raw = _load(u + ahead * u_row + e, in_e), _load(dt + ahead * dt_row + e, in_e)
        next_b, next_c = _load(B + ahead * b_row + n, in_n), _load(C + ahead * c_row + n, in_n)
        next_z = _load(z + ahead * z_row + e, in_e)
        s = _softplus(raw)
        h = tl.exp2(a * s) * h + bt * (s * ut)
        yt = _over_states(h * ct, NG) + skip * ut
        tl.store(y + t * E + e, yt * zt * _sigmoid(zt), mask=in_e)
        ut, raw, bt, ct, zt = next_u, next_raw, next_b, next_c, next_z
    tl.store(last + own, h)


@triton.jit(do_not_specialize=["zero"])
def _selective_backward(
    u, dt, A, B, C, D, z, kept, scratch, d_y, d_last, cu_seqlens,
    d_u, d_dt, d_A, d_B, d_C, d_D, d_z, d_state,
    u_row, dt_row, b_row, c_row, z_row, E, total, zero,
    N: tl.constexpr, NI: tl.constexpr, EI: tl.constexpr, NG: tl.constexpr,
    CHUNK: tl.constexpr, WHOLE: tl.constexpr, HAS_LAST: tl.constexpr,
):  # fmt: skip  # a line each for inputs, gradients, sizes
    b = tl.program_id(0).to(tl.int64)
    block = tl.program_id(1)
    start, end = tl.load(cu_seqlens + b), tl.load(cu_seqlens + b + 1)
    first = block * EI * (32 // NG)
    n, near, cells = _places(NI, EI, NG, zero)
    e = first + near
    in_e, in_n = (e < E) | WHOLE, (n < N) | (NI * NG == N)
    a = _load(A + e * N + n, in_e & in_n) * LOG2_E
    skip = _load(D + e, in_e)
    tile: tl.constexpr = NI * NG * 32
    blocks = tl.cdiv(E, 32)
    own = (b * blocks + first // 32) * tile + first % 32 + n * 32 + near
    G = tl.zeros([NI, EI, 32], tl.float32)
    if HAS_LAST:
        G = tl.load(d_last + own)
    A_sum = tl.zeros([NI, EI, 32], tl.float32)
    D_sum = tl.zeros([1, EI, 32], tl.float32)
    mine = scratch + (b * tl.num_programs(1) + block) * (CHUNK * NI * EI * 32) + cells
    chunk_of = kept + start // CHUNK * blocks * tile + own
    chunks = tl.cdiv(end - start, CHUNK)
    for back in range(0, chunks):
        chunk = chunks - 1 - back
        begin = start + chunk * CHUNK
        stop = tl.minimum(begin + CHUNK, end)
        h = tl.load(chunk_of + chunk * blocks * tile)
        ut, raw = _load(u + begin * u_row + e, in_e), _load(dt + begin * dt_row + e, in_e)
        bt = _load(B + begin * b_row + n, in_n)
        for t in range(begin, stop):
            tl.store(mine + (t - begin) * (NI * EI * 32), h)
            ahead = tl.minimum(t + 1, stop - 1)
            next_u = _load(u + ahead * u_row + e, in_e)
            next_raw = _load(dt + ahead * dt_row + e, in_e)
            next_b = _load(B + ahead * b_row + n, in_n)
            s = _softplus(raw)
            h = tl.exp2(a * s) * h + bt * (s * ut)
            ut, raw, bt = next_u, next_raw, next_b
        final = stop - 1
        ct = _load(C + final * c_row + n, in_n)
        zt, out = _load(z + final * z_row + e, in_e), _load(d_y + final * E + e, in_e)
        for i in range(0, stop - begin):
            t = final - i
            behind = tl.maximum(t - 1, begin)
            next_u = _load(u + behind * u_row + e, in_e)
            next_raw = _load(dt + behind * dt_row + e, in_e)
            next_b = _load(B + behind * b_row + n, in_n)
            next_c = _load(C + behind * c_row + n, in_n)
            next_z = _load(z + behind * z_row + e, in_e)
            next_out = _load(d_y + behind * E + e, in_e)
            before = tl.load(mine + (t - begin) * (NI * EI * 32))
            s = _softplus(raw)
            v = s * ut
            decay = tl.exp2(a * s)
            gate = _sigmoid(zt)
            yt = _over_states(h * ct, NG) + skip * ut
            tl.store(d_z + t * E + e, out * yt * gate * (1 + zt * (1 - gate)), mask=in_e)
            dy = out * zt * gate
            G += ct * dy
            partial = (block * total + t) * N + n
            tl.store(d_C + partial, _over_channels(h * dy, NG), mask=in_n)
            tl.store(d_B + partial, _over_channels(G * v, NG), mask=in_n)
            h = before
            d_v = _over_states(G * bt, NG)
            G *= decay
            S = G * before
            d_s = _over_states(S * a, NG) / LOG2_E + ut * d_v
            tl.store(d_u + t * E + e, s * d_v + skip * dy, mask=in_e)
            tl.store(d_dt + t * E + e, d_s * _sigmoid(raw), mask=in_e)
            A_sum += S * s
            D_sum += dy * ut
            ut, raw, bt, ct, zt, out = next_u, next_raw, next_b, next_c, next_z, next_out
    tl.store(d_A + own, A_sum)
    tl.store(d_state + own, G)
    tl.store(d_D + b * E + e, D_sum, mask=in_e)


class _SelectiveScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> tuple[Tensor, Tensor]:
        u, dt, A, B, C, D, z, state, cu_seqlens = inputs
        total, E = u.shape
        N = A.shape[1]
        rows = len(cu_seqlens) - 1
        many = int(rows >= FEW_ROWS)
        padded = max(triton.next_power_of_2(N), 16)
        y = torch.empty(total, E, dtype=u.dtype, device=u.device)
        last = u.new_empty(rows, triton.cdiv(E, 32), padded, 32, dtype=torch.float32)
        kept = last.new_empty(total // CHUNK[many] + rows, *last.shape[1:])
        start = last if state is None else _to_cells(state, last)
        arrays = u, dt, A, B, C, D, z, start, y, last, kept, cu_seqlens
        strides = [x.stride(0) for x in (u, dt, B, C, z)]
        channels, groups = FORWARD[many]
        sizes = {"N": N, **_tile(padded, channels, groups), "CHUNK": CHUNK[many]}
        flags = {"WHOLE": E % 32 == 0, "HAS_STATE": state is not None}
        grid = rows, last.shape[1] * (32 // channels)
        _selective_forward[grid](*arrays, *strides, E, 0, **sizes, **flags, num_warps=1)
        ctx.save_for_backward(u, dt, A, B, C, D, z, kept, cu_seqlens)
        ctx.strides = strides
        ctx.has_state = state is not None
        ctx.many = many
        ctx.set_materialize_grads(False)
        return y, _from_cells(last, E, N)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        u, dt, A, B, C, D, z, kept, cu_seqlens = ctx.saved_tensors
        total, E = u.shape
        N = A.shape[1]
        rows = len(cu_seqlens) - 1
        channels, groups = BACKWARD[ctx.many]
        chunk = CHUNK[ctx.many]
        padded = kept.shape[2]
        blocks = kept.shape[1] * (32 // channels)
        d_y, d_last = gradients
        d_y = torch.zeros_like(u) if d_y is None else d_y.contiguous()
        d_u, d_dt, d_z = (torch.empty(total, E, dtype=u.dtype, device=u.device) for _ in range(3))
        d_BC = kept.new_empty(2, blocks, total, N)
        d_A, d_state = (kept.new_empty(rows, *kept.shape[1:]) for _ in range(2))
        d_D = kept.new_empty(rows, E)
        scratch = kept.new_empty(chunk, *d_A.shape)
        carry = d_A if d_last is None else _to_cells(d_last, d_A)
        given = u, dt, A, B, C, D, z, kept, scratch, d_y, carry, cu_seqlens
        found = d_u, d_dt, d_A, *d_BC, d_D, d_z, d_state
        numbers = *ctx.strides, E, total, 0
        sizes = {"N": N, **_tile(padded, channels, groups), "CHUNK": chunk}
        flags = {"WHOLE": E % 32 == 0, "HAS_LAST": d_last is not None}
        _selective_backward[(rows, blocks)](
            *given, *found, *numbers, **sizes, **flags, num_warps=1
        )
        to_state = _from_cells(d_state, E, N) if ctx.has_state else None
        to_B, to_C = d_BC.sum(1).unbind()
        to_A = _from_cells(d_A.sum(0, keepdim=True), E, N)[0]
        return (
            d_u,
            d_dt.to(dt.dtype),
            to_A,
            to_B.to(B.dtype),
            to_C.to(C.dtype),
            d_D.sum(0),
            d_z.to(z.dtype),
            to_state,
            None,
        )


def _tile(states: int, channels: int, groups: int) -> dict[str, int]:
    """Spread states × channels over 32 lanes, `groups` of them along the states."""
    lanes = 32 // groups
    return {"NI": states // groups, "EI": channels // lanes, "NG": groups}


def _to_cells(x: Tensor, like: Tensor) -> Tensor:
    """Lay (B, E, N) out as programs hold it, (B, blocks, padded N, 32), padded with zeros."""
    (rows, E, N), (blocks, padded) = x.shape, like.shape[1:3]
    whole = torch.nn.functional.pad(x, (0, padded - N, 0, blocks * 32 - E))
    return whole.view(rows, blocks, 32, padded).transpose(2, 3).contiguous()


def _from_cells(cells: Tensor, E: int, N: int) -> Tensor:
    """Undo `_to_cells`."""
    return cells.transpose(2, 3).flatten(1, 2)[:, :E, :N]


def selective_scan(
    u: Tensor,
    dt: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor,
    z: Tensor,
    state: Tensor | None = None,
    packing: Packing | None = None,
) -> tuple[Tensor, Tensor]:
    """Run the recurrence of `SelectiveScan`; last states are float32 for any type of `u`."""
    layout = packing or Packing.of_batch(u)
    v, s, b, c, gate = (_rows(x) for x in (u, dt, B, C, z))
    start = None if state is None else state.float().contiguous()
    y, last = _SelectiveScan.apply(
        v, s, A.float().contiguous(), b, c, D.float().contiguous(), gate, start, layout.cu_seqlens
    )
    return y.view(u.shape), last


def _rows(x: Tensor) -> Tensor:
    """View as (T, width) with adjacent columns; a slice of a wider matrix needs no copy."""
    flat = x.flatten(0, -2)
    return flat if flat.stride(-1) == 1 else flat.contiguous()
