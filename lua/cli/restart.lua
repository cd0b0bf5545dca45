--- runsmith restart.
return require 'cli.order'('restart', 'stop units, then start them anew; it is charged to nobody', 'ready again')
