"""What is fetched from the network beside the weights: data sets and paintings.

=============  ===============================================================
``archives``   unpack a ZIP file as if it were hostile
``downloads``  fetch a large file over a bad network
``datasets``   COCO and WikiArt, fetched and verified, or how to get them
``commons``    ask Wikimedia Commons, as it wishes to be asked
``paintings``  public-domain paintings from Wikimedia Commons
=============  ===============================================================
"""
