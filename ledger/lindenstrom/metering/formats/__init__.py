"""One module per format of meter data; each turns bytes into observations (`lindenstrom.metering.observation`)."""
