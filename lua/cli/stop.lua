--- runsmith stop.
local order = require 'cli.order'

local SUMMARY = 'stop units and keep them stopped'

return order('stop', SUMMARY, 'stopped')
