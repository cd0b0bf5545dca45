-- abuse.lua -- a program: clients as bad as can be, many of them, until it is killed.
--   luajit spec/host/support/abuse.lua SOCKET CLIENTS
-- Prints a line once each of them has done something.

local control = require 'host.support.control'
local ffi = require 'ffi'
local posix = require 'host.support.posix'
local uv = require 'luv'

local QUIETLY = 0x4000 + 0x40 -- NOSIGNAL, DONTWAIT
local HUGE = 100e6
local CHUNK = ('x'):rep(65536)

local path, count = arg[1], tonumber(arg[2])

local function send(client, text) return ffi.C.send(client.fd, text, #text, QUIETLY) end

-- What each kind does at its turn; false: it hangs up, and another comes.
local KINDS = {
  silent = function() return true end,
  garbage = function(client)
    return send(client, ('\0\255{]"%d\n'):format(math.random(1e6))) > 0
  end,
  huge = function(client) -- as if it were one line of 100 MB
    local done = tonumber(send(client, CHUNK))
    client.sent = (client.sent or 0) + math.max(0, done)
    return client.sent < HUGE and ffi.errno() ~= 32
  end,
  deaf = function(client) -- asks for all, reads nothing
    send(client, '{"id":1,"op":"status"}\n{"id":2,"op":"journal","since":0}\n')
    return true
  end,
  half = function(client)
    if not client.sent then send(client, '{"id":1,"op":"sta') end
    client.sent = true
    return true
  end,
  leaver = function(client) -- hangs up amid the answer
    if client.sent then return false end
    client.sent = true
    return send(client, '{"id":1,"op":"status"}\n{"op":"subscribe"}\n') > 0
  end,
  changer = function(client) -- orders, and does not wait
    if client.sent then return false end
    client.sent = true
    return send(client, '{"op":"restart","path":"plant/none"}\n{"op":"plan"}\n') > 0
  end,
}

local ORDER = { 'silent', 'garbage', 'huge', 'deaf', 'half', 'leaver', 'deaf' }

local clients = {}
for round = 1, math.huge do
  for i = 1, count do
    local client = clients[i] or control.connect(path)
    clients[i] = client
    local kind = i % 50 == 0 and 'changer' or ORDER[i % #ORDER + 1]
    if client and not KINDS[kind](client) then
      posix.close(client.fd)
      clients[i] = nil
    end
    if i % 25 == 0 then uv.sleep(1) end
  end
  if round == 1 then
    io.stdout:write 'begun\n'
    io.stdout:flush()
  end
end
