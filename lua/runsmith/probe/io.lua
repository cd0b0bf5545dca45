--- What the kinds of probe have in common: waiting for luv, and whose fault an error
--- is. All handles belong to the look that made them, and are closed with it.

local schedule = require 'runsmith.vm.schedule'
local uv = require('runsmith.vm.owned').module()

local M = {}

-- The prober's own want: nothing is known of the unit.
local OWN = {
  EMFILE = true, ENFILE = true, ENOMEM = true, ENOBUFS = true, EAGAIN = true,
  EADDRNOTAVAIL = true,
}

--- Calls `start(callback)` and waits for what the callback is given.
--- @param start fun(callback: function): any, string? nil and why: it cannot
--- @return any ... the callback's arguments; or the error
function M.await(start)
  local ticket = schedule.ticket()
  local ok, why = start(function(...) schedule.wake(ticket, ...) end)
  if not ok then return why end
  return schedule.suspend(ticket)
end

--- A bad verdict for an error of luv's; unknown where the prober itself is in want.
--- @param doing string
--- @param err string
--- @return false? verdict, string reason
function M.bad(doing, err)
  local code = tostring(err):match '^%u+'
  local verdict = nil
  if not OWN[code] then verdict = false end
  return verdict, ('%s: %s'):format(doing, tostring(err))
end

--- A numeric address for a host's name.
--- @param name string
--- @return string? address, string? err
function M.address(name)
  if name:find '^[%d.]+$' or name:find ':' then return name end
  local err, found = M.await(function(callback)
    return uv.getaddrinfo(name, nil, { socktype = 'stream' }, callback)
  end)
  if err or not found or not found[1] then return nil, err or 'no address' end
  return found[1].addr
end

--- A connected stream, or nil and the error.
--- @param host string
--- @param port integer
--- @return userdata? stream, string? err
function M.connect(host, port)
  local address, err = M.address(host)
  if not address then return nil, err end
  local stream, why = uv.new_tcp()
  if not stream then return nil, why end
  err = M.await(function(callback) return stream:connect(address, port, callback) end)
  if err then return nil, err end
  return stream
end

--- The whole of a small file, such as those of /proc; nil and why.
--- @param path string
--- @return string? text, string? why
function M.read(path)
  local file, why = io.open(path, 'rb')
  if not file then return nil, why end
  local text, failed = file:read '*a'
  file:close()
  return text, failed
end

return M
