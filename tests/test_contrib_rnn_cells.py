"""The cells of tf.contrib.rnn and tf.contrib.cudnn_rnn. The expected numbers are TensorFlow 1.15.5's."""

import numpy as np
import pytest
from graphs import load_variables, near, new_session

from cnn_estimator.tf1 import tf
from cnn_estimator.tf1.contrib import cudnn_rnn, rnn

pytestmark = pytest.mark.integration

INPUTS = np.cos(np.arange(24)).reshape(3, 2, 4).astype(np.float32)
TIMES = (np.arange(6).reshape(3, 2, 1) * 1.7 + 0.3).astype(np.float32)
IDS = (np.arange(6).reshape(3, 2, 1) * 2 % 5).astype(np.int32)

session = pytest.fixture(new_session)


def waves(*shape):
    return tf.constant(np.sin(np.arange(np.prod(shape))).reshape(shape), tf.float32)


def dynamic(cell, inputs=INPUTS):
    inputs = tf.nest.map_structure(tf.constant, inputs)
    return tf.nn.dynamic_rnn(cell, inputs, dtype=tf.float32, time_major=True)[0]


def timed(cell):
    return dynamic(cell, (TIMES, INPUTS))


def over_images(cell, *shape):
    return tf.nn.dynamic_rnn(cell, waves(3, 2, *shape), dtype=tf.float32, time_major=True)[0]


def one_step(cell, *shape):
    return cell(waves(2, *shape), cell.zero_state(2, tf.float32))[0]


def fused(cell, inputs=INPUTS, **options):
    return cell(inputs, dtype=tf.float32, **options)[0]


def rows():
    return tf.unstack(tf.constant(INPUTS))


def lstm(units):
    return tf.nn.rnn_cell.BasicLSTMCell(units)


def gru(units):
    return tf.nn.rnn_cell.GRUCell(units)


# {name: (outputs, variables inside m/rnn, first numbers of the last step, sum of all absolute numbers, length of the
# gradient of the sum of squares)}
CELLS = {
    "NAS": (
        lambda: dynamic(rnn.NASCell(3)),
        "nas_cell/recurrent_kernel nas_cell/kernel",
        [0.02544, -0.00025, 0.01043, 0.01476, 0.01668, 0.02716],
        0.2045,
        0.01266,
    ),
    "NAS with a projection": (
        lambda: dynamic(rnn.NASCell(3, num_proj=2, use_bias=True)),
        "nas_cell/recurrent_kernel nas_cell/kernel nas_cell/bias nas_cell/projection_weights",
        [0.00059, -0.00658, 0.00334, 0.00804],
        0.0509,
        0.00316,
    ),
    "UGRNN": (
        lambda: dynamic(rnn.UGRNNCell(3)),
        "ugrnn_cell/kernel ugrnn_cell/bias",
        [-0.09971, -0.0926, 0.13151, -0.10854, -0.19411, 0.10983],
        2.0212,
        0.74804,
    ),
    "UGRNN with options": (
        lambda: dynamic(rnn.UGRNNCell(3, forget_bias=0.5, activation=tf.nn.relu)),
        "ugrnn_cell/kernel ugrnn_cell/bias",
        [0.09971, 0.0, 0.23481, 0.04721, 0.0, 0.26029],
        1.1324,
        1.40958,
    ),
    "intersection": (
        lambda: dynamic(rnn.IntersectionRNNCell(4)),
        "intersection_rnn_cell/kernel intersection_rnn_cell/bias",
        [-0.63828, -0.16716, 0.47389, 0.73763, 0.32676, -0.27378],
        10.7959,
        3.40818,
    ),
    "intersection with a projection": (
        lambda: dynamic(rnn.IntersectionRNNCell(3, num_in_proj=3, forget_bias=0.3, y_activation=tf.tanh)),
        "intersection_rnn_cell/in_projection/kernel intersection_rnn_cell/in_projection/bias "
        "intersection_rnn_cell/kernel intersection_rnn_cell/bias",
        [0.16843, 0.17631, 0.11341, 0.08375, 0.26147, 0.28347],
        3.3507,
        2.94426,
    ),
    "phased": (
        lambda: timed(rnn.PhasedLSTMCell(3)),
        "phased_lstm_cell/mask_gates/kernel phased_lstm_cell/mask_gates/bias phased_lstm_cell/new_input/kernel "
        "phased_lstm_cell/new_input/bias phased_lstm_cell/output_gate/kernel phased_lstm_cell/output_gate/bias "
        "phased_lstm_cell/period phased_lstm_cell/phase phased_lstm_cell/ratio_on",
        [-0.03038, -0.14551, -0.07092, 0.04545, -0.0818, -0.12527],
        1.0187,
        0.41989,
    ),
    "phased with peepholes": (
        lambda: timed(rnn.PhasedLSTMCell(3, use_peepholes=True, leak=0.1, ratio_on=0.4, trainable_ratio_on=False)),
        "phased_lstm_cell/mask_gates/kernel phased_lstm_cell/mask_gates/bias phased_lstm_cell/new_input/kernel "
        "phased_lstm_cell/new_input/bias phased_lstm_cell/output_gate/kernel phased_lstm_cell/output_gate/bias "
        "phased_lstm_cell/period phased_lstm_cell/phase phased_lstm_cell/ratio_on",
        [-0.03123, -0.14867, -0.07161, 0.0478, -0.08428, -0.12874],
        1.0391,
        0.43193,
    ),
    "groups": (
        lambda: dynamic(rnn.GLSTMCell(4, number_of_groups=2)),
        "glstm_cell/group0/kernel glstm_cell/group1/kernel glstm_cell/bias_i glstm_cell/bias_j glstm_cell/bias_f "
        "glstm_cell/bias_o",
        [-0.00018, -0.0896, -0.2673, -0.06828, 0.05428, -0.17105],
        2.431,
        0.94491,
    ),
    "groups with a projection": (
        lambda: dynamic(rnn.GLSTMCell(4, num_proj=2, number_of_groups=2, forget_bias=0.2, activation=tf.nn.relu)),
        "glstm_cell/group0/kernel glstm_cell/group1/kernel glstm_cell/bias_i glstm_cell/bias_j glstm_cell/bias_f "
        "glstm_cell/bias_o glstm_cell/projection/kernel",
        [0.0, 0.0, -0.01119, 0.02054],
        0.1394,
        0.0308,
    ),
    "coupled": (
        lambda: dynamic(rnn.CoupledInputForgetGateLSTMCell(3)),
        "coupled_input_forget_gate_lstm_cell/W_0 coupled_input_forget_gate_lstm_cell/B",
        [0.16498, 0.14775, 0.0105, 0.10773, 0.17271, 0.06261],
        1.4934,
        0.59721,
    ),
    "coupled with all options": (
        lambda: dynamic(
            rnn.CoupledInputForgetGateLSTMCell(
                3,
                use_peepholes=True,
                num_proj=2,
                proj_clip=0.1,
                num_unit_shards=2,
                num_proj_shards=2,
                forget_bias=0.4,
                layer_norm=True,
                norm_gain=0.9,
                norm_shift=0.1,
            )
        ),
        " ".join(
            f"coupled_input_forget_gate_lstm_cell/{name}"
            for name in (
                *("W_0", "W_1", "B", "transform/gamma", "transform/beta", "forget/gamma", "forget/beta"),
                *("output/gamma", "output/beta", "W_F_diag", "W_O_diag", "state/gamma", "state/beta", "W_P_0", "W_P_1"),
            )
        ),
        [0.1, 0.07561, 0.1, -0.03536],
        0.8453,
        None,
    ),
    "coupled with one tensor as state": (
        lambda: dynamic(rnn.CoupledInputForgetGateLSTMCell(3, use_peepholes=True, num_proj=2, state_is_tuple=False)),
        " ".join(
            f"coupled_input_forget_gate_lstm_cell/{name}" for name in ("W_0", "B", "W_F_diag", "W_O_diag", "W_P_0")
        ),
        [-0.0629, -0.02459, -0.02968, 0.0108],
        0.2753,
        0.08329,
    ),
    "attention": (
        lambda: dynamic(rnn.AttentionCellWrapper(lstm(3), 2)),
        " ".join(
            f"attention_cell_wrapper/{name}"
            for name in (
                *("kernel", "bias", "basic_lstm_cell/kernel", "basic_lstm_cell/bias", "attention/attn_w"),
                *("attention/attn_v", "attention/kernel", "attention/bias", "attn_output_projection/kernel"),
                "attn_output_projection/bias",
            )
        ),
        [0.13949, -0.18685, -0.3414, 0.14089, -0.18877, -0.34487],
        4.2967,
        5.39926,
    ),
    "attention with sizes": (
        lambda: dynamic(rnn.AttentionCellWrapper(gru(3), 2, attn_size=4, attn_vec_size=5, input_size=2)),
        None,
        [-0.46769, -0.11315, 0.34542, 0.48641, -0.47173, -0.11356],
        7.8827,
        12.11062,
    ),
    "attention with one tensor as state": (
        lambda: dynamic(rnn.AttentionCellWrapper(gru(3), 3, state_is_tuple=False)),
        None,
        [-0.38318, -0.20102, 0.16596, -0.38548, -0.20438, 0.16463],
        4.4383,
        6.21651,
    ),
    "highway": (
        lambda: dynamic(rnn.HighwayWrapper(gru(4))),
        "gru_cell/gates/kernel gru_cell/gates/bias gru_cell/candidate/kernel gru_cell/candidate/bias carry_w carry_b",
        [-0.32602, -0.28226, 0.25585, 0.58372, 0.24902, -0.33316],
        8.1297,
        2.85842,
    ),
    "highway with two gates": (
        lambda: dynamic(rnn.HighwayWrapper(lstm(4), couple_carry_transform_gates=False, carry_bias_init=0.5)),
        "basic_lstm_cell/kernel basic_lstm_cell/bias carry_w carry_b transform_w transform_b",
        [-0.54694, -0.1317, 0.32264, 0.55065, 0.12413, -0.31778],
        6.9307,
        1.73582,
    ),
    "embedding": (
        lambda: dynamic(rnn.EmbeddingWrapper(gru(3), 5, 4), IDS),
        "embedding_wrapper/embedding embedding_wrapper/gru_cell/gates/kernel embedding_wrapper/gru_cell/gates/bias "
        "embedding_wrapper/gru_cell/candidate/kernel embedding_wrapper/gru_cell/candidate/bias",
        [-0.29668, -0.28603, -0.03156, -0.28075, -0.30959, -0.071],
        3.3844,
        None,
    ),
    "compiled": (
        lambda: dynamic(rnn.CompiledWrapper(gru(3))),
        "gru_cell/gates/kernel gru_cell/gates/bias gru_cell/candidate/kernel gru_cell/candidate/bias",
        [-0.08994, -0.32484, -0.23831, 0.24871, -0.21551, -0.4139],
        4.0657,
        3.56699,
    ),
    "convolution of rows": (
        lambda: over_images(rnn.Conv1DLSTMCell(input_shape=[5, 2], output_channels=3, kernel_shape=[3]), 5, 2),
        "conv_1d_lstm_cell/kernel conv_1d_lstm_cell/biases",
        [-0.15271, 0.06289, 0.19056, -0.113, -0.17126, -0.14204],
        11.4388,
        3.11981,
    ),
    "convolution of images": (
        lambda: over_images(
            rnn.Conv2DLSTMCell(
                input_shape=[4, 3, 2], output_channels=2, kernel_shape=[3, 2], use_bias=False, forget_bias=0.5
            ),
            *(4, 3, 2),
        ),
        "conv_2d_lstm_cell/kernel",
        [-0.10994, -0.13504, 0.03408, 0.08293, -0.03457, 0.03202],
        12.9091,
        4.56535,
    ),
    "convolution of volumes": (
        lambda: over_images(
            rnn.Conv3DLSTMCell(input_shape=[3, 2, 2, 1], output_channels=2, kernel_shape=[2, 2, 2]), *(3, 2, 2, 1)
        ),
        "conv_3d_lstm_cell/kernel conv_3d_lstm_cell/biases",
        [-0.6518, -0.42896, -0.21081, -0.0665, 0.17297, 0.11665],
        25.4537,
        10.2469,
    ),
    "convolution with its input as output": (
        lambda: one_step(rnn.ConvLSTMCell(1, [5, 2], 3, [3], skip_connection=True), 5, 2),
        "m/conv_lstm_cell/kernel m/conv_lstm_cell/biases",
        [-0.02076, -0.14323, -0.11886, -0.54402, -0.99999, -0.15101],
        14.8673,
        0.51307,
    ),
    "GRU block": (
        lambda: dynamic(rnn.GRUBlockCell(3)),
        "gru_cell/w_ru gru_cell/b_ru gru_cell/w_c gru_cell/b_c",
        [-0.08994, -0.32484, -0.23831, 0.24871, -0.21551, -0.4139],
        4.0657,
        3.56699,
    ),
    "GRU block, second version": (
        lambda: dynamic(rnn.GRUBlockCellV2(cell_size=3)),
        "gru_cell/gates/kernel gru_cell/gates/bias gru_cell/candidate/kernel gru_cell/candidate/bias",
        [-0.08994, -0.32484, -0.23831, 0.24871, -0.21551, -0.4139],
        4.0657,
        3.56699,
    ),
    "SRU": (
        lambda: dynamic(rnn.SRUCell(3)),
        "sru_cell/kernel sru_cell/bias",
        [0.26565, 0.5196, 0.20637, -0.06449, -0.11137, 0.13748],
        2.9634,
        2.77627,
    ),
    "independent units": (
        lambda: dynamic(rnn.IndRNNCell(3)),
        "ind_rnn_cell/kernel_w ind_rnn_cell/kernel_u ind_rnn_cell/bias",
        [0.53159, -0.15828, -0.60303, 0.45024, 0.27999, -0.12696],
        5.4452,
        6.77827,
    ),
    "independent GRU": (
        lambda: dynamic(rnn.IndyGRUCell(3)),
        "indy_gru_cell/gates/kernel_w indy_gru_cell/gates/kernel_u indy_gru_cell/gates/bias "
        "indy_gru_cell/candidate/kernel indy_gru_cell/candidate/kernel_u indy_gru_cell/candidate/bias",
        [-0.36738, -0.01927, 0.28127, -0.27044, -0.1938, 0.07773],
        3.1042,
        2.69169,
    ),
    "independent LSTM": (
        lambda: dynamic(rnn.IndyLSTMCell(3, forget_bias=0.6)),
        "indy_lstm_cell/kernel_w indy_lstm_cell/kernel_u indy_lstm_cell/bias",
        [-0.21239, 0.02064, 0.1619, -0.15061, -0.14005, 0.04785],
        1.8587,
        0.48474,
    ),
    "sequence": (
        lambda: fused(rnn.FusedRNNCellAdaptor(gru(3)), sequence_length=tf.constant([3, 2])),
        None,
        [-0.08994, -0.32484, -0.23831, 0.0, 0.0, 0.0],
        3.1875,
        2.58998,
    ),
    "dynamic sequence of a list": (
        lambda: tf.stack(fused(rnn.FusedRNNCellAdaptor(gru(3), use_dynamic_rnn=True), rows())),
        None,
        [-0.08994, -0.32484, -0.23831, 0.24871, -0.21551, -0.4139],
        4.0657,
        3.56699,
    ),
    "reversed sequence of a list": (
        lambda: tf.stack(fused(rnn.TimeReversedFusedRNN(rnn.FusedRNNCellAdaptor(gru(3))), rows())),
        None,
        [-0.14719, -0.21386, -0.07917, 0.15791, -0.149, -0.17946],
        3.7418,
        3.25256,
    ),
    "cuDNN LSTM": (
        lambda: dynamic(cudnn_rnn.CudnnCompatibleLSTMCell(3)),
        "cudnn_compatible_lstm_cell/kernel cudnn_compatible_lstm_cell/bias",
        [-0.15534, -0.11371, 0.01456, -0.15761, -0.18243, -0.09705],
        1.9882,
        0.54847,
    ),
    "cuDNN GRU": (
        lambda: dynamic(cudnn_rnn.CudnnCompatibleGRUCell(3)),
        " ".join(
            f"cudnn_compatible_gru_cell/{name}"
            for name in (
                *("gates/kernel", "gates/bias", "candidate/input_projection/kernel"),
                *("candidate/hidden_projection/kernel", "candidate/input_projection/bias"),
                "candidate/hidden_projection/bias",
            )
        ),
        [-0.57919, -0.426, 0.10109, -0.33948, -0.36211, -0.08798],
        4.4856,
        4.79468,
    ),
}


@pytest.mark.parametrize("name", CELLS)
def test_cells_compute_the_numbers_of_tf_115(session, name):
    make, names, last, total, gradient = CELLS[name]
    with tf.variable_scope("m"):
        outputs = make()
    variables = tf.global_variables()
    if names is not None:
        short = [variable.op.name.removeprefix("m/rnn/") for variable in variables]
        assert short == names.split()
    load_variables(session, enumerate(variables))
    for variable in variables:
        if variable.op.name.endswith(("period", "ratio_on")):  # they must be positive
            variable.load(session.run(variable) + 2, session)
    numbers = session.run(outputs)
    near(numbers[-1].ravel()[:6], last)
    assert np.abs(numbers).sum() == pytest.approx(total, abs=2e-4)
    if gradient is not None:
        gradients = tf.gradients(tf.reduce_sum(outputs**2), tf.trainable_variables())
        assert session.run(tf.global_norm(gradients)) == pytest.approx(gradient, abs=2e-5)


@pytest.mark.parametrize(
    ("make", "name", "first"),
    [
        (lambda: rnn.GRUBlockCell(3), "b_ru", 1),
        (lambda: rnn.IndyGRUCell(3), "gates/bias", 1),
        (lambda: rnn.IndyGRUCell(3), "candidate/bias", 0),
        (lambda: cudnn_rnn.CudnnCompatibleGRUCell(3), "gates/bias", 1),
        (lambda: cudnn_rnn.CudnnCompatibleGRUCell(3), "hidden_projection/bias", 0),
        (lambda: rnn.HighwayWrapper(gru(4), couple_carry_transform_gates=False), "carry_b", 1),
        (lambda: rnn.HighwayWrapper(gru(4), couple_carry_transform_gates=False), "transform_b", -1),
        (lambda: rnn.CoupledInputForgetGateLSTMCell(3, layer_norm=True, norm_shift=0.5), "state/beta", 0.5),
    ],
)
def test_variables_start_with_the_values_of_tf_115(session, make, name, first):
    dynamic(make())
    session.run(tf.global_variables_initializer())
    (values,) = (session.run(variable) for variable in tf.global_variables() if variable.op.name.endswith(name))
    assert set(values.ravel()) == {first}


def test_random_first_values_have_the_range_of_tf_115(session):
    timed(rnn.PhasedLSTMCell(300, period_init_min=2.0, period_init_max=20.0))
    dynamic(rnn.EmbeddingWrapper(gru(3), 100, 4), IDS)
    dynamic(rnn.LayerNormBasicLSTMCell(3, layer_norm=False))
    session.run(tf.global_variables_initializer())
    values = {variable.op.name.split("rnn/")[-1]: session.run(variable) for variable in tf.global_variables()}
    period = values["phased_lstm_cell/period"]
    assert 2 <= period.min() < 3
    assert 17 < period.max() <= 20
    assert abs(np.log(period).mean() - np.log(40) / 2) < 0.15, "their logarithms are uniform"
    assert (values["phased_lstm_cell/phase"] >= 0).all()
    assert (values["phased_lstm_cell/phase"] <= period).all()
    assert set(values["phased_lstm_cell/ratio_on"]) == {np.float32(0.1)}
    assert 1.6 < np.abs(values["embedding_wrapper/embedding"]).max() <= 3**0.5
    assert values["layer_norm_basic_lstm_cell/bias"].std() > 0, "not zeros, unlike the bias of other cells"


def test_wrong_sizes_raise_errors(session):
    with pytest.raises(ValueError, match="set num_in_proj"):
        dynamic(rnn.IntersectionRNNCell(3))
    with pytest.raises(ValueError, match="3 groups do not divide the sizes 4 and 4"):
        rnn.GLSTMCell(4, number_of_groups=3)
    with pytest.raises(ValueError, match="3 groups do not divide the 4 inputs"):
        dynamic(rnn.GLSTMCell(3, number_of_groups=3))
    with pytest.raises(ValueError, match="2 rows of the variable W do not divide into 3 shards"):
        rnn.CoupledInputForgetGateLSTMCell(1, num_unit_shards=3)(tf.ones([2, 1]), (tf.ones([2, 1]), tf.ones([2, 1])))
    with pytest.raises(ValueError, match="state_is_tuple=True"):
        rnn.AttentionCellWrapper(lstm(3), 2, state_is_tuple=False)
    with pytest.raises(ValueError, match="attn_length must be positive"):
        rnn.AttentionCellWrapper(gru(3), 0)
    with pytest.raises(ValueError, match="positive shape"):
        rnn.EmbeddingWrapper(gru(3), 0, 4)
    with pytest.raises(ValueError, match="must have 2 dimensions"):
        rnn.Conv2DLSTMCell(input_shape=[4, 3], output_channels=2, kernel_shape=[3])
    with pytest.raises(ValueError, match="one of num_units and cell_size"):
        rnn.GRUBlockCell(3, 3)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("CudnnLSTM", "CudnnCompatibleLSTMCell"),
        ("CudnnGRU", "CudnnCompatibleGRUCell"),
        ("CudnnRNNTanh", "BasicRNNCell"),
    ],
)
def test_layers_of_cudnn_are_errors_that_name_a_cell(name, advice):
    with pytest.raises(NotImplementedError, match=rf"cudnn_rnn\.{name} is not available .*{advice}"):
        getattr(cudnn_rnn, name)(1, 3)
    with pytest.raises(AttributeError):
        cudnn_rnn.CudnnTransformer  # noqa: B018
