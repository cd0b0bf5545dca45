--- What a spare runner's VM runs before it is anybody's: a worker that touches what
--- workers touch first, so that the real one finds code and memory warm. Nobody hears
--- of it. See runsmith.vm.rehearse.

local ffi = require 'ffi'
local log = require 'std.log'
local time = require 'std.time'
local worker = require 'runsmith.worker'
local list = {}
for i = 1, 20 do
  list[i] = { name = tostring(i), at = time.now() }
end
table.concat({ ('%5.1f'):format(1.5), #list, tostring(ffi.new('int64_t', 1)) }, ' ')
pcall(error, 'rehearsed')
return worker.define {
  starting = function(self, ctx)
    self.entered = time.now()
    ctx:heartbeat()
    log.info('rehearsed', { name = ctx.incarnation })
    time.sleep(0)
    return 'run'
  end,
  running = function(_, ctx)
    if not ctx.stopping then return 'complete' end
  end,
}
