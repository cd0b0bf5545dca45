--- runsmith restart.
local order = require 'cli.order'

local SUMMARY = 'stop units, then start them anew; it is charged to nobody'

return order('restart', SUMMARY, 'ready again')
