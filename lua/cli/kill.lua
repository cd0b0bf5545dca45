--- runsmith kill.
return require 'cli.order'('kill', 'kill units at once; their rules say what follows', 'killed')
