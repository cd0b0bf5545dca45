--- runsmith remove.
local order = require 'cli.order'

local SUMMARY = 'stop and forget a unit that was added to a pool'

return order('remove', SUMMARY, 'removed')
