--- runsmith remove.
return require 'cli.order'('remove', 'stop and forget a unit that was added to a pool', 'removed')
