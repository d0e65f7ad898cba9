# pip: magenta==1.3.1 ImageIO==2.38.1
# pip: intervaltree==3.2.1 sortedcontainers==2.4.0 pygtrie==2.6.2 mido==1.2.6 pretty_midi==0.2.9 future==1.0.0
# pip: bokeh==3.10.2 Jinja2==3.1.6 MarkupSafe==3.0.4 contourpy==1.4.0 narwhals==2.29.0 xyzservices==2026.9.1
# pip: attrs==26.1.0 pandas==3.1.1 pytz==2026.6 librosa==1.0.0 lazy-loader==0.6 numba==0.68.1 llvmlite==0.50.0
# pip: soundfile==0.14.0 soxr==1.1.0 cffi==2.1.1 pycparser==3.12 msgpack==1.2.4 audioread==3.1.0
# run: --api=1
# program: magenta.py
# prints: loss [1-9]\.\d+, after 100 steps -[1-3]\.\d+, drew 20 strokes
"""The version of magenta that TensorFlow 1.15 had."""
