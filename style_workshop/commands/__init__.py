"""The command line, one module a command.

===============  =============================================================
``shared``       numbers in ranges, the help, networks by name, how a run is kept
``styles``       the styles of `stylize`: read, each with its weight and place
``weights``      fetch and check VGG
``stylize``      paint a photograph; the method is one of the next three
``gatys``        of `stylize`: the method of [4]
``fast``         of `stylize`: one pass of a trained network [8]
``adain``        of `stylize`: one pass in the style of any picture [11]
``video``        paint a clip [5]
``train``        train a network of one pass
``train_adain``  train a decoder of AdaIN, on one device or many
``export``       write it as SavedModel, ONNX or TFLite
``dream``        DeepDream [2]
``reconstruct``  what layers keep of a picture
``paintings``    fetch public-domain paintings
``data``         fetch a data set
===============  =============================================================

A command has a ``TEXT`` and an ``EXAMPLE`` for its help, ``add_options(parser)`` and
``run(options)``, which gives the exit status. What was not given is None. Options are
read and refused before TensorFlow takes its seconds to load: it is imported inside of
``run``.
"""
