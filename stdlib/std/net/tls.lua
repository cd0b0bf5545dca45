--- TLS over a stream: OpenSSL between two buffers, the stream below carries the bytes.

local err = require 'std.err'
local host = require 'runsmith.host'
local stream = require 'std.net.stream'
local tls = require 'runsmith.tls'

local M = {}

local FIELDS = { ca = true, insecure = true, cert = true, key = true }

--- @class std.net.Secure: std.net.Stream
--- @field below std.net.Stream
--- @field session userdata
local Secure = setmetatable({}, { __index = stream.Stream })
Secure.__index = Secure

local contexts = {} -- what makes them alike → context

--- @param options { ca?: string, insecure?: boolean, cert?: string, key?: string }
--- @return userdata? context, std.Err? why
function M.context(options)
  for key in pairs(options) do
    if not FIELDS[key] then error(('tls: no option %q'):format(tostring(key)), 3) end
  end
  local parts = { options.ca or '', tostring(options.insecure or false) }
  parts[3], parts[4] = options.cert or '', options.key or ''
  local key = table.concat(parts, '\0')
  local found = not options.cert and contexts[key]
  if found then return found end
  local made, why = tls.context {
    server = options.cert ~= nil, cert = options.cert, key = options.key,
    ca = options.ca, insecure = options.insecure,
  }
  if not made then return nil, err.new('tls', why) end
  if not options.cert then contexts[key] = made end
  return made
end

local function flush(self, timeout)
  local bytes = self.session:take()
  if not bytes then return true end
  return self.below:write(bytes, timeout)
end

-- More from the peer, for OpenSSL.
local function feed(self, by)
  local bytes, why = self.below:pull(by)
  if not bytes then return nil, why end
  self.session:feed(bytes)
  return true
end

local function shake(self, by)
  while true do
    local done, why = self.session:handshake()
    local sent, failed = flush(self, stream.left(by)) -- an alert, too, says why
    if done then return sent, failed end
    if why ~= 'want' then return nil, err.new('tls', why) end
    if not sent then return nil, failed end
    local ok
    ok, why = feed(self, by)
    if not ok then return nil, why end
  end
end

--- @param below std.net.Stream
--- @param context userdata
--- @param name? string
--- @param timeout number
--- @return std.net.Secure? stream, string|std.Err? why
function M.with(below, context, name, timeout)
  local session, why = context:session(name)
  if not session then return nil, err.new('tls', why) end
  local self = setmetatable({
    below = below, session = session, rest = '', timeout = below.timeout,
  }, Secure)
  local ok
  ok, why = shake(self, host.now() + timeout)
  if ok then return self end
  below:close()
  return nil, why
end

--- See `Stream:secure`.
function M.begin(below, options, name, timeout)
  local context, why = M.context(options)
  if not context then
    below:close()
    return nil, why
  end
  if not options.cert and not options.insecure and not name then
    error('TLS: whose certificate? There is no name', 3)
  end
  return M.with(below, context, not options.cert and name or nil, timeout)
end

function Secure:pull(by)
  while true do
    if not self.session then return nil, 'closed' end
    local bytes, why = self.session:read()
    if bytes then return bytes end
    if why == 'closed' then
      self.over = true
      return nil, 'closed'
    end
    if why ~= 'want' then return nil, err.new('tls', why) end
    local sent, failed = flush(self)
    if not sent then return nil, failed end
    local ok
    ok, why = feed(self, by)
    if not ok then return nil, why end
  end
end

function Secure:write(bytes, timeout)
  if not self.session then return nil, 'closed' end
  local at, size = 1, #bytes
  while at <= size do
    local count, why = self.session:write(bytes, at)
    if not count then return nil, err.new('tls', why) end
    at = at + count
    local ok
    ok, why = flush(self, timeout or self.timeout)
    if not ok then return nil, why end
  end
  return true
end

function Secure:shutdown()
  if not self.session then return nil, 'closed' end
  self.session:close()
  local ok, why = flush(self)
  if not ok then return nil, why end
  return self.below:shutdown()
end

function Secure:close()
  if not self.session then return end
  self.session:close()
  local bytes = self.session:take()
  self.session = nil
  self.below:close_after(bytes)
end

function Secure:is_open()
  return self.session ~= nil and not self.over and self.below:is_open()
end

function Secure:suspend(ticket, seconds) return self.below:suspend(ticket, seconds) end

function Secure:spare(is_spare) return self.below:spare(is_spare) end

function Secure:peer() return self.below:peer() end

return M
