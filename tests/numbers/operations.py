"""Mathematics, arrays, linear algebra, texts, sparse tensors, control flow, gradients and random numbers."""

import cases
import numpy as np
import tensorflow as tf

ANY = np.linspace(-2.5, 2.5, 11).astype(np.float32)
UNIT = np.linspace(-0.95, 0.95, 7).astype(np.float32)
POSITIVE = np.linspace(0.125, 4.5, 8).astype(np.float32)
INTEGERS = np.array([-7, -3, -1, 0, 2, 5, 12], np.int32)
DIVISORS = np.array([2, -2, 3, 4, -5, 5, 7], np.int32)
MATRIX = np.sin(np.arange(12.0) * 1.7).astype(np.float32).reshape(3, 4)
SQUARE = np.cos(np.arange(9.0) * 1.3).astype(np.float32).reshape(3, 3)
DEFINITE = (SQUARE @ SQUARE.T + 2 * np.eye(3)).astype(np.float32)
CUBE = np.sin(np.arange(24.0)).astype(np.float32).reshape(2, 3, 4)
COMPLEX = (np.cos(np.arange(8.0)) + 1j * np.sin(np.arange(8.0) * 2)).astype(np.complex64)
IMAGE = np.arange(32, dtype=np.float32).reshape(1, 4, 4, 2)
SEGMENTS = np.array([0, 0, 1, 3, 3, 3, 4, 4], np.int32)

MATHEMATICS = [
    *cases.calls(
        "abs atan ceil cos cosh erf erfc exp expm1 floor identity negative rint round sigmoid sign sin sinh square tan "
        "tanh asinh math.softplus math.reciprocal is_finite is_nan is_inf lgamma digamma log_sigmoid math.bessel_i0 "
        "math.bessel_i0e math.bessel_i1 math.bessel_i1e nn.relu nn.relu6 nn.elu nn.selu nn.crelu nn.leaky_relu "
        "nn.softmax nn.log_softmax nn.softsign nn.swish nn.l2_loss zeros_like ones_like",
        ANY,
    ),
    *cases.calls("acos asin atanh", UNIT),
    *cases.calls("acosh", POSITIVE + 1),
    *cases.calls("log log1p sqrt rsqrt", POSITIVE),
    *cases.calls(
        "add subtract multiply divide truediv div realdiv floordiv floormod mod maximum minimum squared_difference "
        "atan2 div_no_nan equal not_equal greater greater_equal less less_equal math.xdivy",
        ANY,
        ANY[::-1] * 0.3,
    ),
    *cases.calls("pow math.xlogy igamma igammac zeta", POSITIVE + 1, POSITIVE[::-1] + 0.5),
    ("polygamma", lambda: tf.polygamma(np.float32([1, 2, 3, 1]), POSITIVE[:4])),
    ("betainc", lambda: tf.betainc(POSITIVE, POSITIVE[::-1], np.linspace(0.1, 0.9, 8).astype(np.float32))),
    ("lbeta", lambda: tf.lbeta(POSITIVE.reshape(2, 4))),
    *cases.prefixed(
        "integers",
        cases.calls(
            "add subtract multiply div floordiv floormod mod truncatediv truncatemod maximum minimum truediv "
            "squared_difference bitwise.bitwise_and bitwise.bitwise_or bitwise.bitwise_xor",
            INTEGERS,
            DIVISORS,
        ),
    ),
    *cases.prefixed("integers", cases.calls("abs negative sign square bitwise.invert", INTEGERS)),
    ("division by zero", lambda: [tf.constant(ANY) / 0, tf.constant(ANY) // 0, tf.constant(ANY) % 0]),
    ("integer division by zero", lambda: tf.constant(INTEGERS) // 0),
    ("operators", lambda: [-tf.constant(ANY), tf.constant(ANY) ** 2, 2 - tf.constant(ANY), abs(tf.constant(ANY))]),
    ("== of tensors", lambda: str(tf.constant(1) == tf.constant(1))),
    ("bitwise shifts", lambda: [tf.bitwise.left_shift(INTEGERS[3:], 2), tf.bitwise.right_shift(INTEGERS, 1)]),
    (
        "logical",
        lambda: [tf.logical_and(ANY > 0, ANY < 1), tf.logical_or(ANY > 1, ANY < 0), tf.logical_xor(ANY > 0, ANY > 1)],
    ),
    ("logical_not", lambda: tf.logical_not(ANY > 0)),
    *cases.prefixed(
        "complex", cases.calls("abs real imag angle conj exp square sqrt log tanh reduce_sum reduce_prod", COMPLEX)
    ),
    ("complex", lambda: tf.complex(ANY, ANY[::-1])),
    ("sign of nan", lambda: tf.sign(np.float32([np.nan, -np.inf, -0.0]))),
    ("maximum with nan", lambda: tf.maximum(np.float32([np.nan, 1]), np.float32([0, np.nan]))),
    ("round halves", lambda: tf.round(np.float32([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]))),
    ("cast to int32", lambda: tf.cast(ANY, tf.int32)),
    ("cast to bool", lambda: tf.cast(ANY, tf.bool)),
    ("cast to float16", lambda: tf.cast(ANY / 3, tf.float16)),
    ("cast to bfloat16", lambda: tf.cast(tf.cast(ANY / 3, tf.bfloat16), tf.float32)),
    ("cast to uint8", lambda: tf.cast(np.float32([0.9, 200.7, 255]), tf.uint8)),
    ("cast to string", lambda: tf.as_string(ANY)),
    (
        "to_float to_int32 to_int64",
        lambda: [tf.to_float(INTEGERS), tf.to_int32(ANY), tf.to_int64(ANY), tf.to_double(ANY)],
    ),
    ("saturate_cast to uint8", lambda: tf.saturate_cast(np.float32([-5, 3.7, 300]), tf.uint8)),
    ("saturate_cast to int32", lambda: tf.saturate_cast(np.float32([-5e12, 3.7, 3e12]), tf.int32)),
    ("bitcast", lambda: tf.bitcast(ANY, tf.int32)),
    ("clip_by_value", lambda: tf.clip_by_value(ANY, -1.0, 1.25)),
    ("clip_by_norm", lambda: [tf.clip_by_norm(MATRIX, 1.5), tf.clip_by_norm(MATRIX, 1.0, axes=[1])]),
    ("clip_by_global_norm", lambda: tf.clip_by_global_norm([tf.constant(MATRIX), tf.constant(ANY)], 2.0)),
    ("clip_by_average_norm", lambda: tf.clip_by_average_norm(MATRIX, 0.1)),
    ("global_norm", lambda: tf.global_norm([tf.constant(MATRIX), tf.constant(ANY)])),
    ("add_n", lambda: tf.add_n([tf.constant(ANY), tf.constant(ANY * 2), tf.constant(ANY**2)])),
    ("accumulate_n", lambda: tf.accumulate_n([tf.constant(ANY), tf.constant(ANY * 2)])),
    ("scalar_mul", lambda: tf.scalar_mul(2.5, tf.constant(ANY))),
    ("nextafter", lambda: tf.math.nextafter(np.float64([1, 0]), np.float64([2, -1]))),
    ("polyval", lambda: tf.math.polyval([1.0, -2.0, 0.5], tf.constant(ANY))),
]

REDUCTIONS = [
    *cases.calls(
        "reduce_sum reduce_mean reduce_max reduce_min reduce_prod reduce_logsumexp math.reduce_std "
        "math.reduce_variance count_nonzero norm math.reduce_euclidean_norm",
        MATRIX,
    ),
    *cases.calls("reduce_sum reduce_mean reduce_max reduce_logsumexp cumsum cumprod norm", CUBE, axis=1),
    *cases.calls("reduce_sum reduce_mean reduce_prod", CUBE, axis=[0, 2], keepdims=True),
    *cases.calls("reduce_sum", CUBE, reduction_indices=[1], keep_dims=True),
    *cases.calls("reduce_any reduce_all", CUBE > 0, axis=1),
    *cases.calls("argmax argmin argsort sort", MATRIX, axis=1),
    *cases.prefixed("integers", cases.calls("reduce_mean reduce_sum reduce_prod", INTEGERS + 1)),
    *cases.calls("segment_sum segment_mean segment_max segment_min segment_prod", POSITIVE, SEGMENTS),
    *cases.calls(
        "unsorted_segment_sum unsorted_segment_mean unsorted_segment_max unsorted_segment_min unsorted_segment_prod "
        "unsorted_segment_sqrt_n",
        POSITIVE,
        SEGMENTS[::-1],
        6,
    ),
    *cases.calls("sparse_segment_sum sparse_segment_mean sparse_segment_sqrt_n", MATRIX, [0, 2, 1], [0, 0, 2]),
    (
        "empty reductions",
        lambda: [f(np.zeros([0], np.float32)) for f in (tf.reduce_sum, tf.reduce_mean, tf.reduce_max, tf.reduce_prod)],
    ),
    ("norms", lambda: [tf.norm(MATRIX, ord=order, axis=1) for order in (1, 2, 3, np.inf)]),
    ("cumsum exclusive reverse", lambda: tf.cumsum(ANY, exclusive=True, reverse=True)),
    ("cumulative_logsumexp", lambda: tf.math.cumulative_logsumexp(ANY)),
    ("top_k", lambda: tf.nn.top_k(MATRIX, 2)),
    ("in_top_k", lambda: tf.nn.in_top_k(MATRIX, [0, 1, 2], 2)),
    ("unique", lambda: tf.unique([3, 1, 3, 2, 1])),
    ("unique_with_counts", lambda: tf.unique_with_counts([3, 1, 3, 2, 1])),
    ("setdiff1d", lambda: tf.setdiff1d([1, 2, 3, 4, 5], [2, 4])),
    ("bincount", lambda: [tf.bincount([1, 1, 3, 0]), tf.bincount([1, 1, 3], weights=[0.5, 1.0, 2.0], minlength=6)]),
    ("histogram_fixed_width", lambda: tf.histogram_fixed_width(ANY, [-2.0, 2.0], nbins=5)),
    ("histogram_fixed_width_bins", lambda: tf.histogram_fixed_width_bins(ANY, [-2.0, 2.0], nbins=5)),
    ("confusion_matrix", lambda: tf.confusion_matrix([0, 1, 2, 1], [0, 2, 2, 1], weights=[1, 2, 3, 4])),
    (
        "nn.moments",
        lambda: [tf.nn.moments(tf.constant(CUBE), [0, 2]), tf.nn.moments(tf.constant(CUBE), [1], keep_dims=True)],
    ),
    ("nn.weighted_moments", lambda: tf.nn.weighted_moments(MATRIX, [0], [[1.0], [2.0], [0.5]])),
    ("nn.sufficient_statistics", lambda: tf.nn.sufficient_statistics(MATRIX, [0])),
    ("nn.zero_fraction", lambda: tf.nn.zero_fraction([[0.0, 1.0], [0.0, 0.0]])),
]

ARRAYS = [
    ("reshape", lambda: tf.reshape(MATRIX, [2, -1])),
    ("transpose", lambda: [tf.transpose(MATRIX), tf.transpose(CUBE, [2, 0, 1])]),
    ("matrix_transpose", lambda: tf.matrix_transpose(CUBE)),
    ("tile", lambda: tf.tile(MATRIX[:2, :2], [2, 3])),
    ("pad", lambda: [tf.pad(MATRIX, [[1, 1], [2, 0]], mode) for mode in ("CONSTANT", "REFLECT", "SYMMETRIC")]),
    ("pad with a value", lambda: tf.pad(MATRIX, [[0, 1], [1, 0]], constant_values=7)),
    ("concat", lambda: tf.concat([MATRIX, MATRIX * 2], 1)),
    ("stack unstack", lambda: [tf.stack([ANY, -ANY], 1), tf.unstack(MATRIX, axis=1)]),
    ("parallel_stack", lambda: tf.parallel_stack([ANY, -ANY])),
    ("split", lambda: [tf.split(MATRIX, 2, 1), tf.split(MATRIX, [1, 3], axis=1)]),
    (
        "slice",
        lambda: [
            tf.slice(CUBE, [0, 1, 1], [2, 2, -1]),
            tf.constant(CUBE)[..., ::-2],
            tf.constant(CUBE)[:, tf.newaxis, 1],
        ],
    ),
    ("strided_slice", lambda: tf.strided_slice(CUBE, [0, 2, 0], [2, 0, 4], [1, -1, 2], begin_mask=1)),
    (
        "gather",
        lambda: [tf.gather(MATRIX, [2, 0]), tf.gather(MATRIX, [3, 1], axis=1), tf.batch_gather(CUBE, [[1, 0], [2, 2]])],
    ),
    ("gather of a bad index", lambda: tf.gather(MATRIX, [5])),
    ("gather_nd", lambda: tf.gather_nd(CUBE, [[0, 1, 2], [1, 2, 3]])),
    ("scatter_nd", lambda: tf.scatter_nd([[1], [3], [1]], [9.0, 10.0, 11.0], [5])),
    (
        "tensor_scatter",
        lambda: [
            f(tf.constant(ANY), [[1], [3]], [9.0, 10.0])
            for f in (tf.tensor_scatter_update, tf.tensor_scatter_add, tf.tensor_scatter_sub)
        ],
    ),
    (
        "where",
        lambda: [
            tf.where(MATRIX > 0),
            tf.where(MATRIX > 0, MATRIX, -MATRIX),
            tf.where([True, False, True], MATRIX, -MATRIX),
        ],
    ),
    ("where_v2", lambda: tf.where_v2(MATRIX > 0, MATRIX, 0.0)),
    ("one_hot", lambda: [tf.one_hot([0, 2, -1, 5], 3), tf.one_hot([0, 2], 3, on_value=5.0, off_value=-1.0, axis=0)]),
    ("reverse", lambda: [tf.reverse(MATRIX, [1]), tf.reverse_sequence(MATRIX, [2, 3, 1], seq_axis=1, batch_axis=0)]),
    ("roll", lambda: tf.roll(MATRIX, [1, -1], [0, 1])),
    ("sequence_mask", lambda: [tf.sequence_mask([1, 3, 2]), tf.sequence_mask([1, 3], 5, dtype=tf.float32)]),
    ("boolean_mask", lambda: [tf.boolean_mask(MATRIX, [True, False, True]), tf.boolean_mask(MATRIX, MATRIX > 0)]),
    ("meshgrid", lambda: [tf.meshgrid([1, 2, 3], [4, 5]), tf.meshgrid([1, 2, 3], [4, 5], indexing="ij")]),
    ("space_to_batch", lambda: tf.space_to_batch(IMAGE, [[0, 0], [0, 0]], block_size=2)),
    ("space_to_batch_nd", lambda: tf.space_to_batch_nd(IMAGE, [2, 2], [[0, 0], [0, 0]])),
    ("batch_to_space", lambda: tf.batch_to_space(np.arange(16.0).reshape(4, 2, 2, 1), [[0, 0], [0, 1]], block_size=2)),
    ("space_to_depth", lambda: [tf.space_to_depth(IMAGE, 2), tf.depth_to_space(tf.space_to_depth(IMAGE, 2), 2)]),
    (
        "extract_image_patches",
        lambda: tf.extract_image_patches(IMAGE, [1, 2, 2, 1], [1, 2, 2, 1], [1, 1, 1, 1], "SAME"),
    ),
    ("broadcast", lambda: [tf.broadcast_to([1, 2, 3], [2, 3]), tf.broadcast_dynamic_shape([2, 1], [1, 3])]),
    ("expand and squeeze", lambda: [tf.expand_dims(ANY, -1), tf.squeeze(np.ones([1, 2, 1], np.float32), [0])]),
    ("range", lambda: [tf.range(5), tf.range(2, 9, 3), tf.range(0.0, 1.0, 0.3)]),
    ("linspace", lambda: [tf.linspace(0.0, 1.0, 4), tf.lin_space(-1.0, 1.0, 3)]),
    ("fill", lambda: [tf.fill([2, 2], 3.5), tf.zeros([2]), tf.ones([2], tf.int32), tf.constant(2.0, shape=[2, 2])]),
    ("eye", lambda: tf.eye(2, 3, batch_shape=[2])),
    ("invert_permutation", lambda: tf.invert_permutation([2, 0, 1])),
    ("dynamic_partition", lambda: tf.dynamic_partition(ANY, [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 0], 3)),
    ("dynamic_stitch", lambda: tf.dynamic_stitch([[0, 2], [1, 3]], [[1.0, 2.0], [3.0, 4.0]])),
    ("unravel_index", lambda: tf.unravel_index([5, 7], [3, 4])),
    (
        "searchsorted",
        lambda: [tf.searchsorted(POSITIVE, [0.5, 2.0]), tf.searchsorted(POSITIVE, POSITIVE[:3], side="right")],
    ),
    ("repeat", lambda: [tf.repeat([1, 2, 3], [2, 0, 1]), tf.repeat(MATRIX, 2, axis=0)]),
    ("shape size rank", lambda: [tf.shape(CUBE), tf.size(CUBE), tf.rank(CUBE), tf.shape_n([ANY, MATRIX])]),
    ("required_space_to_batch_paddings", lambda: tf.required_space_to_batch_paddings([5, 7], [2, 3])),
    (
        "edit_distance",
        lambda: tf.edit_distance(
            tf.SparseTensor([[0, 0], [0, 1]], ["a", "b"], [1, 2]),
            tf.SparseTensor([[0, 0], [0, 1], [0, 2]], ["a", "c", "b"], [1, 3]),
        ),
    ),
    ("check_numerics", lambda: tf.check_numerics([1.0, np.nan], "bad")),
    ("assertions", lambda: [tf.assert_equal(1, 2), tf.constant(1)]),
    ("ensure_shape", lambda: tf.ensure_shape(MATRIX, [None, 4])),
    ("sort descending", lambda: [tf.sort(MATRIX, direction="DESCENDING"), tf.argsort(MATRIX, direction="DESCENDING")]),
    ("quantize", lambda: tf.quantize(ANY, -3.0, 3.0, tf.qint8)[1:]),
    ("quantize_and_dequantize", lambda: tf.quantization.quantize_and_dequantize(ANY, -2.0, 2.0, range_given=True)),
    (
        "fake_quant args",
        lambda: [tf.fake_quant_with_min_max_args(ANY, -1, 1.5, 4), tf.fake_quant_with_min_max_args(ANY)],
    ),
    ("fake_quant vars", lambda: tf.fake_quant_with_min_max_vars(ANY, -1.0, 2.0, num_bits=3, narrow_range=True)),
    (
        "fake_quant per channel",
        lambda: tf.fake_quant_with_min_max_vars_per_channel(MATRIX, [-1.0] * 4, [0.5, 1.0, 0.25, 2.0]),
    ),
    ("quantized_concat", lambda: tf.dequantize(tf.quantize_v2(POSITIVE, 0.0, 5.0, tf.quint8)[0], 0.0, 5.0)),
    ("ragged", lambda: [tf.ragged.constant([[1, 2], [], [3]]), tf.ragged.constant([[1.0, 2.0], [3.0]]).to_tensor()]),
    ("ragged sum", lambda: tf.reduce_sum(tf.ragged.constant([[1, 2], [], [3]]), axis=1)),
    ("foldl foldr", lambda: [tf.foldl(lambda a, x: a * 0.5 + x, ANY), tf.foldr(lambda a, x: a * 0.5 + x, ANY)]),
]

LINEAR_ALGEBRA = [
    *cases.calls("matrix_inverse matrix_determinant trace linalg.expm diag_part matrix_diag_part", SQUARE),
    *cases.calls("cholesky linalg.logdet linalg.slogdet self_adjoint_eigvals linalg.sqrtm", DEFINITE),
    *cases.calls("matrix_solve cholesky_solve", DEFINITE, MATRIX),
    ("linalg.logm of a complex matrix", lambda: tf.linalg.logm(DEFINITE.astype(np.complex64))),
    (
        "matmul",
        lambda: [
            tf.matmul(SQUARE, MATRIX),
            tf.matmul(MATRIX, MATRIX, transpose_b=True),
            tf.matmul(CUBE, CUBE, adjoint_a=True),
        ],
    ),
    ("matmul of integers", lambda: tf.matmul(INTEGERS[:6].reshape(2, 3), INTEGERS[1:].reshape(3, 2))),
    ("matmul of sparse", lambda: tf.matmul(np.round(SQUARE), MATRIX, a_is_sparse=True)),
    ("linalg.matvec", lambda: tf.linalg.matvec(SQUARE, ANY[:3])),
    ("tensordot", lambda: [tf.tensordot(CUBE, CUBE, [[0, 1], [0, 1]]), tf.tensordot(SQUARE, MATRIX, 1)]),
    (
        "einsum",
        lambda: [
            tf.einsum("bij,bkj->bik", tf.constant(CUBE), tf.constant(CUBE)),
            tf.einsum("ij,jk->k", tf.constant(SQUARE), tf.constant(MATRIX)),
        ],
    ),
    ("svd", lambda: tf.svd(MATRIX, compute_uv=False)),
    ("qr", lambda: [tf.abs(part) for part in tf.qr(MATRIX)]),
    ("eigenvectors", lambda: [tf.abs(part) for part in tf.self_adjoint_eig(DEFINITE)]),
    ("lu", lambda: tf.linalg.lu(SQUARE)),
    (
        "matrix_triangular_solve",
        lambda: [
            tf.matrix_triangular_solve(DEFINITE, MATRIX),
            tf.matrix_triangular_solve(DEFINITE, MATRIX, lower=False, adjoint=True),
        ],
    ),
    (
        "matrix_solve_ls",
        lambda: [
            tf.matrix_solve_ls(MATRIX.T, ANY[:4].reshape(4, 1)),
            tf.matrix_solve_ls(MATRIX.T, ANY[:4].reshape(4, 1), l2_regularizer=0.1),
        ],
    ),
    ("tridiagonal_solve", lambda: tf.linalg.tridiagonal_solve(tf.constant(SQUARE + 2), tf.constant(ANY[:3]))),
    ("matrix_band_part", lambda: [tf.matrix_band_part(SQUARE, 0, -1), tf.matrix_band_part(SQUARE, 1, 0)]),
    ("matrix_diag", lambda: [tf.matrix_diag(MATRIX), tf.diag(ANY[:3]), tf.matrix_set_diag(SQUARE, ANY[:3])]),
    ("cross", lambda: tf.cross(SQUARE, SQUARE[::-1])),
    ("norm of matrices", lambda: tf.norm(CUBE, ord="fro", axis=[1, 2])),
    (
        "linear operator",
        lambda: [
            tf.linalg.LinearOperatorFullMatrix(DEFINITE).solve(MATRIX),
            tf.linalg.LinearOperatorDiag(ANY[:3]).matmul(MATRIX),
            tf.linalg.LinearOperatorLowerTriangular(DEFINITE).log_abs_determinant(),
        ],
    ),
    (
        "linear operator kronecker",
        lambda: tf.linalg.LinearOperatorKronecker(
            [tf.linalg.LinearOperatorFullMatrix(SQUARE[:2, :2]), tf.linalg.LinearOperatorIdentity(2)]
        ).to_dense(),
    ),
    ("linear operator circulant", lambda: tf.linalg.LinearOperatorCirculant(np.complex64([4, 1, 1j])).to_dense()),
    ("adjoint", lambda: tf.linalg.adjoint(COMPLEX.reshape(2, 4))),
    ("global norm", lambda: tf.linalg.global_norm([tf.constant(ANY)])),
    ("l2_normalize", lambda: [tf.linalg.l2_normalize(MATRIX, 1), tf.nn.l2_normalize(MATRIX, dim=0)]),
    ("rank", lambda: tf.linalg.matrix_rank(np.float32([[1, 2], [2, 4]]))),
    ("pinv", lambda: tf.linalg.pinv(MATRIX)),
]

SIGNALS = [
    *cases.calls("fft ifft signal.fftshift signal.ifftshift", COMPLEX),
    *cases.calls("fft2d ifft2d", COMPLEX.reshape(2, 4)),
    *cases.calls("fft3d ifft3d", COMPLEX.reshape(2, 2, 2)),
    *cases.calls("spectral.rfft spectral.dct spectral.idct", POSITIVE),
    *cases.calls("signal.rfft2d", MATRIX),
    *cases.calls("signal.hann_window signal.hamming_window", 7),
    ("fft of double precision", lambda: tf.fft(COMPLEX.astype(np.complex128))),
    ("fft of a tensor of double precision", lambda: tf.fft(tf.constant(COMPLEX.astype(np.complex128)))),
    ("rfft of double precision", lambda: tf.signal.rfft(POSITIVE.astype(np.float64))),
    ("rfft with a length", lambda: tf.signal.rfft(ANY, [16])),
    ("irfft", lambda: tf.signal.irfft(COMPLEX[:5], [8])),
    ("dct types", lambda: [tf.signal.dct(POSITIVE, type=2, norm="ortho"), tf.signal.dct(POSITIVE, type=3)]),
    ("stft", lambda: tf.signal.stft(np.sin(np.arange(24.0)).astype(np.float32), 8, 4)),
    (
        "inverse_stft",
        lambda: tf.signal.inverse_stft(tf.signal.stft(np.sin(np.arange(24.0)).astype(np.float32), 8, 4), 8, 4),
    ),
    ("inverse_stft_window_fn", lambda: tf.signal.inverse_stft_window_fn(4)(8, tf.float32)),
    ("frame", lambda: [tf.signal.frame(ANY, 4, 3), tf.signal.frame(ANY, 4, 3, pad_end=True)]),
    ("overlap_and_add", lambda: tf.signal.overlap_and_add(MATRIX, 2)),
    ("mel matrix", lambda: tf.signal.linear_to_mel_weight_matrix(4, 9, 8000, 125.0, 3800.0)),
    ("mfccs", lambda: tf.signal.mfccs_from_log_mel_spectrograms(MATRIX)),
]

TEXTS = [
    *cases.calls("strings.lower strings.upper strings.length strings.strip string_strip", ["  Ab c", "", "Ünï "]),
    *cases.calls("strings.reduce_join", [["a", "b"], ["c", "d"]], axis=1, separator="-"),
    *cases.calls("reduce_join", [["a", "b"], ["c", "d"]], 0),
    *cases.calls("string_to_hash_bucket_fast string_to_hash_bucket", ["", "a", "Wide", "deep", "1"], 1000),
    ("string_to_hash_bucket_strong", lambda: tf.string_to_hash_bucket_strong(["a", "b", "c"], 100, key=[1, 2])),
    ("string_to_number", lambda: [tf.string_to_number(["1.5", "-2e3", "inf"]), tf.string_to_number(["12"], tf.int64)]),
    ("string_to_number of a bad text", lambda: tf.string_to_number(["1.5x"])),
    (
        "string_split",
        lambda: [
            tf.string_split(["a b  c", "", "d"]),
            tf.string_split(["a,b;c"], ",;"),
            tf.string_split(["a,,b"], ",", skip_empty=False),
        ],
    ),
    ("strings.split", lambda: [tf.strings.split(["a b  c", "d"]), tf.strings.split(["a,,b"], sep=",")]),
    ("strings.split ragged", lambda: tf.strings.split(["a b  c", "d"], result_type="RaggedTensor")),
    (
        "regex_replace",
        lambda: [
            tf.regex_replace(["abc1", "b22"], "[0-9]+", "#"),
            tf.strings.regex_replace("aaa", "a", "b", replace_global=False),
        ],
    ),
    ("regex_full_match", lambda: tf.strings.regex_full_match(["abc", "ab1"], "[a-z]+")),
    (
        "substr",
        lambda: [
            tf.substr(["hello", "world"], 1, 3),
            tf.strings.substr("Ünï", 1, 1, unit="UTF8_CHAR"),
            tf.strings.substr(["hello"], [-3], [2]),
        ],
    ),
    ("string_join", lambda: [tf.string_join(["a", ["b", "c"]], "/"), tf.strings.join(["x", "y"])]),
    (
        "as_string",
        lambda: [
            tf.as_string(ANY, precision=2),
            tf.as_string(INTEGERS, width=4, fill="0"),
            tf.as_string([True]),
            tf.as_string(ANY, scientific=True),
        ],
    ),
    ("strings.format", lambda: tf.strings.format("{} and {}", (tf.constant(INTEGERS), tf.constant("x")))),
    (
        "unicode",
        lambda: [
            tf.strings.unicode_decode(["aÜ"], "UTF-8"),
            tf.strings.unicode_script([65, 1041]),
            tf.strings.unicode_encode([[72, 220]], "UTF-8"),
        ],
    ),
    ("unicode_transcode", lambda: tf.strings.unicode_transcode(["aÜ"], "UTF-8", "UTF-16-BE")),
    ("unicode_split", lambda: tf.strings.unicode_split(["aÜb"], "UTF-8")),
    ("ngrams", lambda: tf.strings.ngrams(["a", "b", "c", "d"], 2)),
    ("base64", lambda: [tf.encode_base64(["hello"]), tf.decode_base64(tf.encode_base64(["hello"], pad=True))]),
    ("decode_raw", lambda: [tf.decode_raw([b"\x01\x00\x02\x00"], tf.int16), tf.decode_raw([b"\x01\x02"], tf.uint8)]),
    ("decode_csv", lambda: tf.decode_csv(["1,a,", '2,"b,c",0.5'], [[0], [""], [9.5]])),
    ("decode_csv na", lambda: tf.decode_csv(["NA;3"], [[7], [0]], field_delim=";", na_value="NA")),
    ("decode_compressed", lambda: tf.io.decode_compressed([b"abc"])),
    (
        "decode_json_example",
        lambda: tf.parse_example(
            tf.decode_json_example(['{"features": {"feature": {"x": {"int64List": {"value": ["5"]}}}}}']),
            {"x": tf.FixedLenFeature([], tf.int64)},
        ),
    ),
    ("compare texts", lambda: tf.equal(["a", "b"], ["a", "c"])),
    ("unique texts", lambda: tf.unique(["b", "a", "b"])),
    ("static_regex_replace", lambda: tf.strings.regex_replace(["x.y"], r"\.", r"-")),
    ("to_bytes", lambda: [tf.constant(["Ü"]), tf.constant([b"\xff"])]),
]


def sparse():
    return tf.SparseTensor([[0, 1], [1, 0], [2, 3]], [1.5, -2.0, 3.0], [3, 4])


def other_sparse():
    return tf.SparseTensor([[0, 1], [1, 2]], [10.0, 20.0], [3, 4])


SPARSE = [
    ("sparse to_dense", lambda: tf.sparse.to_dense(sparse(), default_value=-1.0)),
    ("sparse_tensor_to_dense", lambda: tf.sparse_tensor_to_dense(sparse())),
    ("sparse_to_dense", lambda: tf.sparse_to_dense([[0, 1], [1, 2]], [2, 4], [5.0, 6.0], 9.0)),
    ("sparse from_dense", lambda: tf.sparse.from_dense(np.round(MATRIX))),
    ("sparse_add", lambda: [tf.sparse_add(sparse(), other_sparse()), tf.sparse_add(sparse(), MATRIX)]),
    ("sparse_concat", lambda: tf.sparse_concat(1, [sparse(), other_sparse()])),
    ("sparse_slice", lambda: tf.sparse_slice(sparse(), [0, 0], [2, 2])),
    ("sparse_split", lambda: tf.sparse_split(sp_input=sparse(), num_split=2, axis=1)),
    ("sparse_reshape", lambda: tf.sparse_reshape(sparse(), [2, -1])),
    ("sparse_transpose", lambda: tf.sparse_transpose(sparse())),
    ("sparse_reorder", lambda: tf.sparse_reorder(tf.SparseTensor([[1, 0], [0, 1]], [1.0, 2.0], [2, 2]))),
    (
        "sparse_reduce_sum",
        lambda: [
            tf.sparse_reduce_sum(sparse()),
            tf.sparse_reduce_sum(sparse(), 1),
            tf.sparse_reduce_sum_sparse(sparse(), 0),
        ],
    ),
    ("sparse_reduce_max", lambda: tf.sparse_reduce_max(sparse(), 0)),
    (
        "sparse_tensor_dense_matmul",
        lambda: [
            tf.sparse_tensor_dense_matmul(sparse(), MATRIX.T),
            tf.sparse_tensor_dense_matmul(sparse(), SQUARE, adjoint_a=True),
        ],
    ),
    ("sparse_softmax", lambda: tf.sparse_softmax(sparse())),
    (
        "sparse_maximum",
        lambda: [tf.sparse_maximum(sparse(), other_sparse()), tf.sparse_minimum(sparse(), other_sparse())],
    ),
    ("sparse_retain", lambda: tf.sparse_retain(sparse(), [True, False, True])),
    ("sparse_fill_empty_rows", lambda: tf.sparse_fill_empty_rows(tf.SparseTensor([[1, 0]], [5], [3, 2]), 9)),
    ("sparse_reset_shape", lambda: tf.sparse_reset_shape(sparse())),
    ("sparse_mask", lambda: tf.sparse_mask(tf.IndexedSlices(tf.constant(MATRIX), tf.constant([0, 2, 5])), [2])),
    ("sparse_to_indicator", lambda: tf.sparse_to_indicator(tf.SparseTensor([[0, 0], [1, 0]], [2, 0], [2, 1]), 4)),
    (
        "sparse_merge",
        lambda: tf.sparse_merge(
            tf.SparseTensor([[0, 0], [1, 0]], [2, 0], [2, 1]), tf.SparseTensor([[0, 0], [1, 0]], [0.5, 0.25], [2, 1]), 4
        ),
    ),
    (
        "sparse_placeholder",
        lambda: tf.get_default_session().run(
            tf.sparse_reduce_sum(tf.sparse_placeholder(tf.float32, name="s")),
            {"s/indices:0": [[0, 0]], "s/values:0": [2.5], "s/shape:0": [1, 1]},
        ),
    ),
    ("sparse expand_dims", lambda: tf.sparse.expand_dims(sparse(), 0)),
    ("sparse eye", lambda: tf.sparse.eye(3)),
    ("sparse cross", lambda: tf.sparse.cross([tf.constant([["a", "b"]]), tf.constant([["c", "d"]])])),
    (
        "sparse cross_hashed",
        lambda: tf.sparse.cross_hashed([tf.constant([["a", "b"]]), tf.constant([["c", "d"]])], num_buckets=100),
    ),
    ("serialize_sparse", lambda: tf.deserialize_many_sparse(tf.serialize_many_sparse(sparse()), tf.float32)),
    (
        "embedding_lookup",
        lambda: [
            tf.nn.embedding_lookup(MATRIX, [2, 0]),
            tf.nn.embedding_lookup([tf.constant(MATRIX), tf.constant(-MATRIX)], [0, 1, 4, 5]),
        ],
    ),
    (
        "embedding_lookup div",
        lambda: tf.nn.embedding_lookup([tf.constant(MATRIX), tf.constant(-MATRIX)], [0, 1, 4, 5], "div"),
    ),
    *[
        (
            "embedding_lookup_sparse " + combiner,
            lambda combiner=combiner: tf.nn.embedding_lookup_sparse(
                MATRIX,
                tf.SparseTensor([[0, 0], [0, 1], [2, 0]], [1, 0, 2], [3, 2]),
                tf.SparseTensor([[0, 0], [0, 1], [2, 0]], [0.5, 2.0, 1.0], [3, 2]),
                combiner=combiner,
            ),
        )
        for combiner in ("sum", "mean", "sqrtn")
    ],
    (
        "embedding_lookup_sparse without weights",
        lambda: tf.nn.embedding_lookup_sparse(
            MATRIX, tf.SparseTensor([[0, 0], [0, 1], [1, 0]], [1, 0, 2], [2, 2]), None
        ),
    ),
    (
        "embedding_lookup_sparse max_norm",
        lambda: tf.nn.embedding_lookup_sparse(
            MATRIX, tf.SparseTensor([[0, 0], [1, 0]], [1, 2], [2, 2]), None, combiner="sum", max_norm=0.5
        ),
    ),
    (
        "safe_embedding_lookup_sparse",
        lambda: tf.nn.safe_embedding_lookup_sparse(
            [tf.constant(MATRIX)], tf.SparseTensor([[0, 0], [2, 0]], [1, -1], [3, 2]), combiner="mean"
        ),
    ),
    ("set_intersection", lambda: tf.sets.set_intersection([[1, 2, 3], [4, 5, 6]], [[2, 3, 9], [7, 8, 9]])),
    ("set_union", lambda: tf.sets.set_union([[1, 2], [4, 5]], [[2, 3], [7, 8]])),
    (
        "set_difference",
        lambda: [tf.sets.set_difference([[1, 2]], [[2, 3]]), tf.sets.set_difference([[1, 2]], [[2, 3]], aminusb=False)],
    ),
    ("set_size", lambda: tf.sets.set_size(tf.SparseTensor([[0, 0], [0, 1], [1, 0]], [1, 1, 2], [2, 2]))),
]


def grows_in_while_loop():
    return tf.while_loop(
        lambda i, x: i < 5, lambda i, x: (i + 1, x * 1.5 + tf.cast(i, tf.float32)), [0, tf.constant(ANY)]
    )


def growing_shape():
    return tf.while_loop(
        lambda x: tf.size(x) < 6,
        lambda x: tf.concat([x, x[-1:] * 2], 0),
        [tf.constant([1])],
        shape_invariants=[tf.TensorShape([None])],
    )


def tensor_array():
    array = tf.TensorArray(tf.float32, 4, clear_after_read=False)
    _, array = tf.while_loop(
        lambda i, a: i < 4, lambda i, a: (i + 1, a.write(i, tf.cast(i * i, tf.float32))), [0, array]
    )
    return [
        array.stack(),
        array.read(2),
        tf.TensorArray(tf.float32, 3).unstack(MATRIX).gather([2, 0]),
        tf.TensorArray(tf.float32, 2, infer_shape=False).split(ANY, [4, 7]).concat(),
    ]


def nested_cond():
    x = tf.placeholder(tf.float32, [])
    y = tf.cond(x > 0, lambda: tf.cond(x > 1, lambda: x * 10, lambda: x * 20), lambda: -x)
    return [tf.get_default_session().run(y, {x: value}) for value in (2.0, 0.5, -3.0)]


def side_effects():
    v = tf.get_variable("v", [], initializer=tf.zeros_initializer())
    with tf.control_dependencies([tf.assign_add(v, 1.0)]):
        read = tf.identity(v.read_value())
    return cases.each(read, 3)


CONTROL_FLOW = [
    ("while_loop", grows_in_while_loop),
    ("while_loop with a growing shape", growing_shape),
    (
        "while_loop with maximum_iterations",
        lambda: tf.while_loop(lambda i: True, lambda i: i + 1, [0], maximum_iterations=3),
    ),
    (
        "nested while_loop",
        lambda: tf.while_loop(
            lambda i, s: i < 3,
            lambda i, s: (i + 1, tf.while_loop(lambda j, t: j < i, lambda j, t: (j + 1, t + j), [0, s])[1]),
            [0, 0],
        ),
    ),
    ("TensorArray", tensor_array),
    ("cond", nested_cond),
    ("case", lambda: tf.case([(tf.constant(False), lambda: 1), (tf.constant(True), lambda: 2)], default=lambda: 3)),
    ("case exclusive", lambda: tf.case({tf.constant(False): lambda: 1}, default=lambda: 3, exclusive=True)),
    ("switch_case", lambda: tf.switch_case(tf.constant(1), [lambda: 10.0, lambda: 20.0])),
    (
        "map_fn",
        lambda: [
            tf.map_fn(lambda x: x * x, ANY),
            tf.map_fn(lambda p: p[0] + tf.cast(p[1], tf.float32), (ANY[:7], INTEGERS), dtype=tf.float32),
        ],
    ),
    (
        "scan",
        lambda: [tf.scan(lambda a, x: a + x, ANY), tf.scan(lambda a, x: a * x, ANY, initializer=2.0, reverse=True)],
    ),
    ("group and tuple", lambda: tf.tuple([tf.constant(1.0), tf.constant(2.0)])),
    ("side effects", side_effects),
    (
        "py_func",
        lambda: [
            tf.py_func(lambda x: np.sort(x)[::-1].copy(), [ANY], tf.float32),
            tf.py_func(lambda x, y: (x + y, np.int64(len(x))), [ANY, ANY], [tf.float32, tf.int64]),
        ],
    ),
    ("py_func with the wrong type", lambda: tf.py_func(lambda x: x.astype(np.float64), [ANY], tf.float32)),
    ("py_func of texts", lambda: tf.py_func(lambda x: x.upper(), [tf.constant("abc")], tf.string)),
    ("numpy_function", lambda: tf.numpy_function(lambda x: x * 2, [ANY], tf.float32)),
    ("function.Defun", lambda: tf.function(lambda x: x * 2 + 1)(tf.constant(ANY))),
    ("autograph", lambda: tf.autograph.to_graph(collatz)(tf.constant(7))),
    (
        "feed and partial run",
        lambda: tf.get_default_session().run(tf.placeholder_with_default(2.0, [], name="p") * 3, {"p:0": 5.0}),
    ),
    ("stop_gradient", lambda: tf.gradients(tf.stop_gradient(squared()[0]) * squared()[0], tf.get_collection("x"))),
]


def collatz(n):
    steps = 0
    while n > 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


def squared():
    x = tf.constant(ANY)
    tf.add_to_collection("x", x)
    return tf.square(x), x


def gradient(function, *inputs):
    tensors = [tf.constant(value) for value in inputs]
    return tf.gradients(function(*tensors), tensors)


def second_gradient(function, value):
    x = tf.constant(value)
    (first,) = tf.gradients(function(x), x)
    return [first, tf.gradients(first, x), tf.hessians(tf.reduce_sum(function(x)), x)]


@tf.custom_gradient
def log1pexp(x):
    e = tf.exp(x)
    return tf.log(1 + e), lambda dy: dy * (1 - 1 / (1 + e))


def replaced_gradient():
    graph = tf.get_default_graph()
    with graph.gradient_override_map({"Identity": "NumbersTwice"}):
        x = tf.constant(ANY)
        y = tf.identity(x)
    return tf.gradients(y, x)


tf.RegisterGradient("NumbersTwice")(lambda op, gradient: gradient * 2)


def gradient_through_while():
    x = tf.constant(ANY)
    y = tf.while_loop(lambda i, v: i < 4, lambda i, v: (i + 1, tf.sin(v) + v * v * 0.1), [0, x])[1]
    return tf.gradients(y, x)


def gradient_of_indexed_slices():
    v = tf.get_variable("v", initializer=MATRIX)
    return tf.gradients(tf.reduce_sum(tf.gather(v, [0, 2, 0]) ** 2), v)


SMALL_INPUTS = (
    "abs acos asin atan atanh cos cosh erf exp expm1 sigmoid sin sinh square tan tanh sign nn.softplus nn.relu "
    "nn.relu6 nn.elu nn.selu nn.leaky_relu nn.softmax nn.log_softmax nn.softsign nn.swish cumsum "
    "reduce_logsumexp nn.l2_loss reduce_max norm floor round"
)
POSITIVE_INPUTS = "log log1p sqrt rsqrt lgamma digamma math.reciprocal reduce_prod cumprod math.bessel_i0e"
TWO_INPUTS = (
    "add subtract multiply divide maximum minimum pow atan2 floordiv floormod squared_difference div_no_nan "
    "igamma math.xdivy math.xlogy"
)
GRADIENTS = [
    *[
        ("gradient of " + name, lambda name=name: gradient(lambda x: cases.call(name, [x], {}), UNIT))
        for name in SMALL_INPUTS.split()
    ],
    *[
        ("gradient of " + name, lambda name=name: gradient(lambda x: cases.call(name, [x], {}), POSITIVE))
        for name in POSITIVE_INPUTS.split()
    ],
    *[
        (
            "gradient of " + name,
            lambda name=name: gradient(lambda x, y: cases.call(name, [x, y], {}), POSITIVE, POSITIVE[::-1] + 0.5),
        )
        for name in TWO_INPUTS.split()
    ],
    ("gradient of matmul", lambda: gradient(tf.matmul, SQUARE, MATRIX)),
    ("gradient of cholesky", lambda: gradient(tf.cholesky, DEFINITE)),
    ("gradient of matrix_inverse", lambda: gradient(tf.matrix_inverse, SQUARE)),
    ("gradient of determinant", lambda: gradient(tf.matrix_determinant, SQUARE)),
    ("gradient of svd", lambda: gradient(lambda x: tf.svd(x, compute_uv=False), SQUARE)),
    ("gradient of fft", lambda: gradient(lambda x: tf.abs(tf.signal.rfft(x)), POSITIVE)),
    ("gradient of gather", gradient_of_indexed_slices),
    ("gradient of segments", lambda: gradient(lambda x: tf.segment_max(x, SEGMENTS), POSITIVE)),
    ("gradient of top_k", lambda: gradient(lambda x: tf.nn.top_k(x, 2)[0], MATRIX)),
    ("gradient of where", lambda: gradient(lambda x: tf.where(x > 0, x * 2, x * 3), ANY)),
    ("gradient of clip", lambda: gradient(lambda x: tf.clip_by_value(x, -1.0, 1.0), ANY)),
    ("gradient of fake_quant", lambda: gradient(lambda x: tf.fake_quant_with_min_max_args(x, -1, 1), ANY)),
    ("gradient of while_loop", gradient_through_while),
    ("gradient of scan", lambda: gradient(lambda x: tf.scan(lambda a, v: a * 0.5 + v * v, x), ANY)),
    ("gradient of map_fn", lambda: gradient(lambda x: tf.map_fn(lambda v: v**3, x), ANY)),
    (
        "gradient of cond",
        lambda: gradient(lambda x: tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2, lambda: x**2), ANY + 0.1),
    ),
    ("gradient with grad_ys", lambda: tf.gradients(*squared(), grad_ys=[tf.constant(ANY[::-1].copy())])),
    ("gradient of complex", lambda: gradient(lambda x: tf.abs(tf.complex(x, x * 2)), POSITIVE)),
    ("second gradient of a power", lambda: second_gradient(lambda x: x**3 + tf.sin(x), UNIT)),
    ("second gradient of tanh", lambda: second_gradient(tf.tanh, UNIT)),
    ("second gradient of sigmoid", lambda: second_gradient(tf.sigmoid, UNIT)),
    ("second gradient of softmax", lambda: second_gradient(lambda x: tf.reduce_sum(tf.nn.softmax(x) ** 2), UNIT)),
    ("custom_gradient", lambda: gradient(log1pexp, np.float32([0, 100]))),
    ("gradient_override_map", replaced_gradient),
    ("unconnected gradients", lambda: tf.gradients(tf.constant(1.0), [tf.constant(2.0)], unconnected_gradients="zero")),
    ("aggregation methods", lambda: [gradient(lambda x: x * x + tf.sin(x) * x, ANY)]),
    (
        "jacobian",
        lambda: tf.stack([tf.gradients(part, tf.get_collection("x")[0])[0] for part in tf.unstack(squared()[0])]),
    ),
]

RANDOM = [
    (
        "random_normal",
        lambda: [tf.random_normal([5], seed=1), tf.random_normal([5], 2.0, 0.5, seed=7, dtype=tf.float64)],
    ),
    ("random_normal of an odd size", lambda: tf.random_normal([3, 7], seed=5)),
    ("random_uniform", lambda: [tf.random_uniform([5], seed=1), tf.random_uniform([5], -3, 9, seed=2)]),
    (
        "random_uniform of integers",
        lambda: [tf.random_uniform([8], 0, 10, tf.int32, seed=3), tf.random_uniform([4], 0, 2**40, tf.int64, seed=3)],
    ),
    ("random_uniform of float16", lambda: tf.random_uniform([4], seed=4, dtype=tf.float16)),
    ("truncated_normal", lambda: [tf.truncated_normal([9], seed=4), tf.truncated_normal([3], 1.0, 2.0, seed=5)]),
    ("random_gamma", lambda: [tf.random_gamma([4], [0.5, 2.0], seed=6), tf.random_gamma([4], 3.0, 2.0, seed=7)]),
    (
        "random_poisson",
        lambda: [tf.random_poisson([0.5, 4.0, 30.0], [4], seed=8), tf.random_poisson(lam=2.0, shape=[5], seed=9)],
    ),
    (
        "multinomial",
        lambda: [
            tf.multinomial(np.log([[0.2, 0.3, 0.5], [0.8, 0.1, 0.1]]), 6, seed=10),
            tf.random.categorical(np.log([[0.5, 0.5]]), 6, seed=11),
        ],
    ),
    ("random_shuffle", lambda: [tf.random_shuffle(INTEGERS, seed=12), tf.random_shuffle(MATRIX, seed=13)]),
    ("random_crop", lambda: tf.random_crop(MATRIX, [2, 2], seed=14)),
    (
        "stateless",
        lambda: [
            tf.random.stateless_uniform([4], [1, 2]),
            tf.random.stateless_normal([4], [3, 4]),
            tf.random.stateless_truncated_normal([4], [5, 6]),
        ],
    ),
    (
        "stateless integers",
        lambda: [
            tf.random.stateless_uniform([4], [1, 2], 0, 100, tf.int32),
            tf.random.stateless_categorical(np.log([[0.2, 0.8]]), 6, [7, 8]),
        ],
    ),
    (
        "candidate samplers",
        lambda: [
            tf.nn.uniform_candidate_sampler([[0]], 1, 4, True, 10, seed=15),
            tf.nn.log_uniform_candidate_sampler([[0]], 1, 4, True, 10, seed=16),
        ],
    ),
    (
        "learned_unigram_candidate_sampler",
        lambda: tf.nn.learned_unigram_candidate_sampler([[0]], 1, 4, True, 10, seed=17),
    ),
    (
        "fixed_unigram_candidate_sampler",
        lambda: tf.nn.fixed_unigram_candidate_sampler([[0]], 1, 3, True, 4, unigrams=[1.0, 2.0, 3.0, 4.0], seed=18),
    ),
    ("all_candidate_sampler", lambda: tf.nn.all_candidate_sampler([[0, 1]], 2, 4, True, seed=19)),
    (
        "dropout",
        lambda: [
            tf.nn.dropout(MATRIX, 0.6, seed=20),
            tf.nn.dropout(MATRIX, rate=0.3, seed=21),
            tf.nn.dropout(MATRIX, 0.5, noise_shape=[3, 1], seed=22),
        ],
    ),
    ("several runs", lambda: cases.each(tf.random_normal([2], seed=23), 3)),
    (
        "with a seed of the graph",
        lambda: [tf.set_random_seed(99), tf.random_normal([3], seed=24), tf.random_uniform([3], seed=25)][1:],
    ),
    *[
        ("initializer " + name, lambda make=make: make()([4, 3]))
        for name, make in [
            ("random_normal", lambda: tf.random_normal_initializer(1.0, 2.0, seed=1)),
            ("random_uniform", lambda: tf.random_uniform_initializer(-2, 2, seed=1)),
            ("truncated_normal", lambda: tf.truncated_normal_initializer(0.0, 0.5, seed=1)),
            ("uniform_unit_scaling", lambda: tf.uniform_unit_scaling_initializer(1.5, seed=1)),
            ("variance_scaling", lambda: tf.variance_scaling_initializer(2.0, "fan_out", "uniform", seed=1)),
            (
                "variance_scaling untruncated",
                lambda: tf.variance_scaling_initializer(2.0, "fan_avg", "untruncated_normal", seed=1),
            ),
            ("glorot_uniform", lambda: tf.glorot_uniform_initializer(seed=1)),
            ("glorot_normal", lambda: tf.glorot_normal_initializer(seed=1)),
            ("he_uniform", lambda: tf.initializers.he_uniform(seed=1)),
            ("he_normal", lambda: tf.initializers.he_normal(seed=1)),
            ("lecun_uniform", lambda: tf.initializers.lecun_uniform(seed=1)),
            ("lecun_normal", lambda: tf.initializers.lecun_normal(seed=1)),
            ("orthogonal", lambda: tf.orthogonal_initializer(gain=2.0, seed=1)),
            ("identity", lambda: tf.initializers.identity(gain=2.0)),
            ("constant", lambda: tf.constant_initializer([float(i) for i in range(12)])),
            ("constant with too few values", lambda: tf.constant_initializer([1.0, 2.0])),
            ("keras glorot_uniform", lambda: tf.keras.initializers.glorot_uniform(seed=1)),
            ("keras RandomNormal", lambda: tf.keras.initializers.RandomNormal(seed=1)),
            ("keras TruncatedNormal", lambda: tf.keras.initializers.TruncatedNormal(seed=1)),
            ("keras VarianceScaling", lambda: tf.keras.initializers.VarianceScaling(2.0, seed=1)),
        ]
    ],
]

GROUPS = [
    ("math", MATHEMATICS),
    ("reduction", REDUCTIONS),
    ("array", ARRAYS),
    ("linalg", LINEAR_ALGEBRA),
    ("signal", SIGNALS),
    ("text", TEXTS),
    ("sparse", SPARSE),
    ("flow", CONTROL_FLOW),
    ("gradient", GRADIENTS),
    ("random", RANDOM),
]

if __name__ == "__main__":
    cases.main([case for group, entries in GROUPS for case in cases.prefixed(group + ":", entries)])
