--- runsmith start.
return require 'cli.order'('start', 'start units; wait until they are ready', 'ready')
