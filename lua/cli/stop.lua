--- runsmith stop.
return require 'cli.order'('stop', 'stop units and keep them stopped', 'stopped')
