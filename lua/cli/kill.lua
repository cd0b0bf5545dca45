--- runsmith kill.
local order = require 'cli.order'

local SUMMARY = 'kill units at once; their rules say what follows'

return order('kill', SUMMARY, 'killed')
