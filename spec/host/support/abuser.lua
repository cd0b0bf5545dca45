-- abuser.lua -- starts and ends abuse.lua beside a host.

local control = require 'host.support.control'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'

local M = {}

--- @param host runsmith.spec.Host
--- @param clients integer
--- @return { pid: integer, fd: integer }
function M.begin(host, clients)
  local root, env = harness.root(), {}
  for name, value in pairs(require('luv').os_environ()) do
    env[#env + 1] = name .. '=' .. value
  end
  local read_end, write_end = posix.pipe()
  local luajit = io.popen 'command -v luajit'
  local program = luajit:read '*l'
  luajit:close()
  local code = ("package.path = '%s/spec/?.lua;' .. package.path"):format(root)
  local pid = posix.spawn {
    argv = {
      program, '-e', code, root .. '/spec/host/support/abuse.lua', control.path(host),
      tostring(clients),
    },
    env = env, cwd = root, out = write_end, err = 2,
  }
  posix.close(write_end)
  assert(posix.wait_readable(read_end, 30) and posix.read(read_end) ~= '', 'no abuse')
  return { pid = pid, fd = read_end }
end

function M.finish(abuser)
  posix.kill(abuser.pid, 'KILL')
  posix.wait_gone(abuser.pid, 10)
  posix.collect(abuser.pid)
  posix.close(abuser.fd)
end

return M
