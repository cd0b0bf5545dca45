--- runsmith start.
local order = require 'cli.order'

local SUMMARY = 'start units; wait until they are ready'

return order('start', SUMMARY, 'ready')
