"""Style transfer for videos, after Ruder, Dosovitskiy and Brox (GCPR 2016) [5].

============  ================================================================
``flow``      optical flow: estimated, in ``.flo`` files, in colors
``warping``   along a flow; where to trust it; how much a clip flickers
``painted``   a clip that the workshop paints, with its exact flow
``method``    temporal loss, and how one frame is painted
``steady``    the same idea for a feed-forward network
``passes``    through a clip, once or several times
``clips``     video files with sound, and folders of numbered frames
============  ================================================================

Nothing is imported here: a part of it works without TensorFlow.
"""
