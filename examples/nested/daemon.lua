-- daemon.lua -- a backend of our own: a program that is started in the background and
-- known by its process id from then on. The id is plain data, so it outlives the runner
-- that these functions run in; its successor goes on waiting for the same program.

local rs = require 'runsmith'
local time = require 'std.time'
local uv = require 'luv'

local function signal(handle, name) return uv.kill(handle.pid, name) end

return rs.backend 'daemon' {
  start = function(unit)
    local shell = assert(io.popen(unit.args.exec .. ' >/dev/null 2>&1 & echo $!'))
    local pid = shell:read '*n'
    shell:close()
    unit:ready()
    return { pid = pid }
  end,
  stop = function(_, handle) signal(handle, 'sigterm') end,
  kill = function(_, handle) signal(handle, 'sigkill') end,
  wait = function(_, handle)
    while signal(handle, 0) do
      time.sleep(0.05)
    end
    return 'error', 'it has ended'
  end,
}
