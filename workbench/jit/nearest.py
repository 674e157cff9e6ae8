"""The nearest of many centres, for a panel of points at once: the inner loop of k-means, in LLVM IR.

||x - c||² = ||x||² + (||c||² - 2 x·c); what stands in brackets is enough to compare by. Points lie in the lanes of
registers and centres are broadcast, as in a matrix product, but no matrix of distances is ever written: each lane
keeps the least so far, and whose it is.
"""

from __future__ import annotations

import functools
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from workbench.jit.intrinsics import I64
from workbench.jit.microkernels import ELEMENTS, SIZE, VECTOR_BYTES, calling, transposed

VECTORS = 2
# Centres at a time, so that their sums (x VECTORS), a point's coordinate (x VECTORS) and one broadcast fit the
# registers, of which AVX-512 has 32, AVX2 16. Few numbers to choose from, so that little of a block is left empty.
GROUPS = (4, 8, 10) if VECTOR_BYTES == 64 else (3, 4, 5)
I32 = ir.IntType(32)


def panel_width(dtype: str) -> int:
    """Points in a panel."""
    return VECTORS * VECTOR_BYTES // SIZE[dtype]


def group_size(n_clusters: int) -> int:
    """Centres at a time: the number that leaves the least of the last block empty, the largest of several."""
    return min(GROUPS, key=lambda size: (-(-n_clusters // size) * size, -size))


@functools.cache
def copy_tile(dtype: str, columns: int) -> Any:
    """An intrinsic ``(points, n_features, mean, panel) -> 0``: a register of points less the mean, feature by feature.

    ``points`` is the address of the first of so many rows of ``n_features`` numbers as a register has lanes, ``mean``
    and ``panel`` that of the first feature there. ``columns`` features are copied: all there are, at most 4; or as many
    as there are lanes, a square that is transposed in registers.
    """
    element, lanes = ELEMENTS[dtype], VECTOR_BYTES // SIZE[dtype]
    vector, indices = ir.VectorType(element, lanes), ir.VectorType(I32, lanes)

    def build(module: Any, function: Any) -> None:
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        points, n_features, mean, panel = function.args
        points, mean, panel = (builder.inttoptr(a, element.as_pointer()) for a in (points, mean, panel))

        def load(place: Any, of: Any) -> Any:
            return builder.load(builder.bitcast(builder.gep(points, [place]), of.as_pointer()), align=SIZE[dtype])

        if columns == lanes:
            rows = [load(builder.mul(n_features, ir.Constant(I64, i)), vector) for i in range(lanes)]
            features = transposed(builder, rows, indices)
        else:
            rows = [load(ir.Constant(I64, i * lanes), vector) for i in range(columns)]
            features = deinterleaved(builder, rows, columns, lanes)
        for j, feature in enumerate(features):
            middle = builder.load(builder.gep(mean, [ir.Constant(I64, j)]), align=SIZE[dtype])
            undefined = ir.Constant(vector, ir.Undefined)
            first = builder.insert_element(undefined, middle, ir.Constant(I32, 0))
            less = builder.fsub(feature, builder.shuffle_vector(first, undefined, ir.Constant(indices, [0] * lanes)))
            target = builder.gep(panel, [ir.Constant(I64, j * VECTORS * lanes)])
            builder.store(less, builder.bitcast(target, vector.as_pointer()), align=SIZE[dtype])
        builder.ret(ir.Constant(I64, 0))

    @intrinsic
    def tile(typing_context: Any, points: Any, n_features: Any, mean: Any, panel: Any) -> Any:
        return calling(f"workbench_copy_{columns}_{dtype}", 4, build, types.int64, inline=True)

    return tile


def deinterleaved(builder: Any, rows: list[Any], columns: int, lanes: int) -> list[Any]:
    """Vectors of ``columns`` features of points that lie one after the other in ``rows``; one vector a feature."""
    while len(rows) & len(rows) - 1:  # vectors are joined in pairs
        rows = [*rows, ir.Constant(rows[0].type, ir.Undefined)]
    size = lanes
    while len(rows) > 1:
        every = ir.Constant(ir.VectorType(I32, 2 * size), list(range(2 * size)))
        rows = [builder.shuffle_vector(a, b, every) for a, b in zip(rows[::2], rows[1::2], strict=True)]
        size *= 2
    undefined = ir.Constant(rows[0].type, ir.Undefined)
    masks = [ir.Constant(ir.VectorType(I32, lanes), [i * columns + j for i in range(lanes)]) for j in range(columns)]
    return [builder.shuffle_vector(rows[0], undefined, mask) for mask in masks]


@functools.cache
def nearest_panel(dtype: str, group: int, second: bool, features: int = 0) -> Any:
    """An intrinsic ``(points, n_features, centers, norms, blocks, labels, found, least, next) -> changed``.

    All but ``n_features`` and ``blocks`` are addresses: ``points`` [n_features][panel_width], ``centers``
    [blocks][n_features][group] holds -2c, ``norms`` [blocks * group] ||c||² (infinite for one that is not there),
    ``labels`` int32 [panel_width] what the points were; it fills ``found`` int32, ``least`` with the bracket above and,
    where ``second``, ``next`` with that of the next nearest centre. Bit i of ``changed`` says whether label i did. Of
    equally near centres the first is taken. ``features``: how many there are, if few; 0: any number.
    """
    element, lanes = ELEMENTS[dtype], VECTOR_BYTES // SIZE[dtype]
    vector, whole = ir.VectorType(element, lanes), ir.VectorType(I32, lanes)
    width = VECTORS * lanes

    def build(module: Any, function: Any) -> None:
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        outer, inner = function.append_basic_block("outer"), function.append_basic_block("inner")
        compare, done = function.append_basic_block("compare"), function.append_basic_block("done")
        points, n_features, centers, norms, blocks, labels, found, least, after = function.args
        points, centers, norms, least, after = (
            builder.inttoptr(a, element.as_pointer()) for a in (points, centers, norms, least, after)
        )
        labels, found = (builder.inttoptr(a, I32.as_pointer()) for a in (labels, found))
        kind = ir.FunctionType(vector, [vector] * 3)
        fma = cgutils.get_or_insert_function(module, kind, f"llvm.fma.v{lanes}f{8 * SIZE[dtype]}")

        def splat(value: Any, of: Any) -> Any:
            undefined = ir.Constant(of, ir.Undefined)
            first = builder.insert_element(undefined, value, ir.Constant(I32, 0))
            return builder.shuffle_vector(first, undefined, ir.Constant(whole, [0] * lanes))

        def vector_at(base: Any, offset: int, of: Any) -> Any:
            return builder.bitcast(builder.gep(base, [ir.Constant(I64, offset)]), of.as_pointer())

        def load(base: Any, offset: int, of: Any) -> Any:
            return builder.load(vector_at(base, offset, of), align=SIZE[dtype] if of is vector else 4)

        before = builder.block
        builder.branch(outer)

        builder.position_at_end(outer)
        block, at_centers = builder.phi(I64), builder.phi(element.as_pointer())
        block.add_incoming(ir.Constant(I64, 0), before)
        at_centers.add_incoming(centers, before)
        best = [builder.phi(vector) for _ in range(VECTORS)]
        runner_up = [builder.phi(vector) for _ in range(VECTORS if second else 0)]
        which = [builder.phi(whole) for _ in range(VECTORS)]
        for phi in (*best, *runner_up):
            phi.add_incoming(ir.Constant(vector, [float("inf")] * lanes), before)
        for phi in which:
            phi.add_incoming(ir.Constant(whole, [0] * lanes), before)
        first = builder.mul(block, ir.Constant(I64, group))
        initial = []
        for r in range(group):
            norm = builder.load(builder.gep(norms, [builder.add(first, ir.Constant(I64, r))]), align=SIZE[dtype])
            initial += [splat(norm, vector)] * VECTORS
        builder.branch(inner)

        def add(at_point: Any, at_center: Any, sums: list[Any]) -> list[Any]:
            x = [load(at_point, v * lanes, vector) for v in range(VECTORS)]
            added = []
            for r in range(group):
                c = splat(builder.load(builder.gep(at_center, [ir.Constant(I64, r)]), align=SIZE[dtype]), vector)
                added += [builder.call(fma, [x[v], c, sums[r * VECTORS + v]]) for v in range(VECTORS)]
            return added

        builder.position_at_end(inner)
        if features:
            added, next_point, next_center = initial, points, at_centers
            for _ in range(features):
                added = add(next_point, next_center, added)
                next_point = builder.gep(next_point, [ir.Constant(I64, width)])
                next_center = builder.gep(next_center, [ir.Constant(I64, group)])
            builder.branch(compare)
        else:
            j = builder.phi(I64)
            at_point, at_center = builder.phi(element.as_pointer()), builder.phi(element.as_pointer())
            sums = [builder.phi(vector) for _ in initial]
            carried = (j, at_point, at_center, *sums)
            for phi, value in zip(carried, (ir.Constant(I64, 0), points, at_centers, *initial), strict=True):
                phi.add_incoming(value, outer)
            added = add(at_point, at_center, sums)
            following = builder.add(j, ir.Constant(I64, 1))
            next_point = builder.gep(at_point, [ir.Constant(I64, width)])
            next_center = builder.gep(at_center, [ir.Constant(I64, group)])
            for phi, value in zip(carried, (following, next_point, next_center, *added), strict=True):
                phi.add_incoming(value, inner)
            builder.cbranch(builder.icmp_signed("<", following, n_features), inner, compare)

        builder.position_at_end(compare)
        new_best, new_runner_up, new_which = list(best), list(runner_up), list(which)
        for r in range(group):
            number = splat(builder.trunc(builder.add(first, ir.Constant(I64, r)), I32), whole)
            for v in range(VECTORS):
                value = added[r * VECTORS + v]
                nearer = builder.fcmp_ordered("<", value, new_best[v])
                if second:
                    loser = builder.select(nearer, new_best[v], value)
                    lower = builder.fcmp_ordered("<", loser, new_runner_up[v])
                    new_runner_up[v] = builder.select(lower, loser, new_runner_up[v])
                new_best[v] = builder.select(nearer, value, new_best[v])
                new_which[v] = builder.select(nearer, number, new_which[v])
        next_block = builder.add(block, ir.Constant(I64, 1))
        carried = (block, at_centers, *best, *runner_up, *which)
        for phi, value in zip(carried, (next_block, next_center, *new_best, *new_runner_up, *new_which), strict=True):
            phi.add_incoming(value, compare)
        builder.cbranch(builder.icmp_signed("<", next_block, blocks), outer, done)

        builder.position_at_end(done)
        changed = ir.Constant(I64, 0)
        for v in range(VECTORS):
            differs = builder.icmp_signed("!=", load(labels, v * lanes, whole), new_which[v])
            bits = builder.zext(builder.bitcast(differs, ir.IntType(lanes)), I64)
            changed = builder.or_(changed, builder.shl(bits, ir.Constant(I64, v * lanes)))
            builder.store(new_which[v], vector_at(found, v * lanes, whole), align=4)
            builder.store(new_best[v], vector_at(least, v * lanes, vector), align=SIZE[dtype])
            if second:
                builder.store(new_runner_up[v], vector_at(after, v * lanes, vector), align=SIZE[dtype])
        builder.ret(changed)

    @intrinsic
    def panel(
        typing_context: Any, points: Any, n_features: Any, centers: Any, norms: Any, blocks: Any, labels: Any,
        found: Any, least: Any, after: Any,
    ) -> Any:  # fmt: skip
        return calling(f"workbench_nearest_{group}_{int(second)}_{features}_{dtype}", 9, build, types.int64)

    return panel


@intrinsic
def lowest_bit(typing_context: Any, word: Any) -> Any:
    """The place of the lowest bit that is set in an int64 that is not 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate
