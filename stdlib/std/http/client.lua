--- Asking a server. Connections are kept for the next request to it.
---
--- ```lua
--- local http = require 'std.http'
---
--- local server = assert(http.listen {
---   port = 0,
---   handler = function(request, response)
---     for bytes in function() return request:read() end do
---       response:write(bytes:upper())
---     end
---   end,
--- })
--- local parts = { 'one ', 'two' }
--- local answer = assert(http.request {
---   method = 'POST',
---   url = server.url .. '/',
---   body = function() return table.remove(parts, 1) end,
---   timeout = 5,
--- })
--- assert(answer.body == 'ONE TWO')
--- server:close()
--- ```

local err = require 'std.err'
local host = require 'runsmith.host'
local http = require 'runsmith.http'
local pool = require 'std.http.pool'
local suggest = require 'runsmith.tree.suggest'
local urls = require 'std.http.url'

local M = {}

local HEAD_MAX, FIELDS_MAX = 64 * 2 ^ 10, 128
local BODY_MAX = 64 * 2 ^ 20
local TIMEOUT, REDIRECTS = 30, 5

--- @class std.http.Ask
--- @field method? string 'GET'
--- @field url string
--- @field headers? table<string, string>
--- @field body? string|fun(): string? an iterator's is sent in chunks
--- @field timeout? number seconds for all of it, with `stream` until the head: 30
--- @field read_timeout? number seconds of silence: 30
--- @field redirects? integer followed at most: 5; 0: the answer is what it is
--- @field max? integer bytes of the answer's body: 64 MiB
--- @field stream? boolean the body is for `answer:read`
--- @field ca? string the authorities' PEM file, instead of the system's
--- @field insecure? boolean whoever answers is believed
--- @field path? string of the Unix socket to ask
--- @field fresh? boolean on a new connection
local FIELDS = {
  method = 'string', url = 'string', headers = 'table', body = true, timeout = 'number',
  read_timeout = 'number', redirects = 'number', max = 'number', stream = 'boolean',
  ca = 'string', insecure = 'boolean', path = 'string', fresh = 'boolean',
}

local REPEATABLE = {
  GET = true, HEAD = true, PUT = true, DELETE = true, OPTIONS = true,
}

--- @class std.http.Answer
--- @field status integer
--- @field reason string
--- @field headers table<string, string> names in lower case; 'set-cookie': one a line
--- @field body? string without `stream`
--- @field url string that answered
local Answer = {}
Answer.__index = Answer

local function check(options)
  if type(options) ~= 'table' then
    error('http.request takes a table, not a ' .. type(options), 3)
  end
  for key, value in pairs(options) do
    local wanted = FIELDS[key]
    if not wanted then
      local text = "http.request has no option '%s': %s"
      error(text:format(tostring(key), suggest.hint(key, FIELDS)), 3)
    elseif wanted ~= true and type(value) ~= wanted then
      local text = 'http.request: %s is a %s, not a %s'
      error(text:format(key, type(value), wanted), 3)
    end
  end
  if not options.url then error('http.request: no url', 3) end
  local kind = type(options.body)
  if options.body and kind ~= 'string' and kind ~= 'function' then
    error('http.request: a body is a string or an iterator, not a ' .. kind, 3)
  end
end

local function header_line(name, value)
  value = tostring(value)
  local bad = type(name) ~= 'string' or name:find "[^%w!#$%%&'*+%-.^_`|~]"
  if bad or value:find '[%z\r\n]' then
    error(('http.request: no header %s: %q'):format(tostring(name), value), 6)
  end
  return name .. ': ' .. value .. '\r\n'
end

local function head_of(asked, url)
  local given = {
    host = url.authority, ['user-agent'] = 'runsmith', accept = '*/*',
  }
  if type(asked.body) == 'string' then
    given['content-length'] = #asked.body
  elseif asked.body then
    given['transfer-encoding'] = 'chunked'
  elseif asked.method == 'POST' or asked.method == 'PUT' then
    given['content-length'] = 0
  end
  for name, value in pairs(asked.headers or {}) do
    local lower = tostring(name):lower()
    if lower ~= 'content-length' and lower ~= 'transfer-encoding' then
      given[lower] = value
    end
  end
  local lines = { ('%s %s HTTP/1.1\r\n'):format(asked.method, url.target) }
  for name, value in pairs(given) do
    lines[#lines + 1] = header_line(name, value)
  end
  return table.concat(lines) .. '\r\n'
end

local function send(stream, asked, url)
  local head = head_of(asked, url)
  if type(asked.body) ~= 'function' then
    return stream:write(head .. (asked.body or ''))
  end
  local ok, why = stream:write(head)
  for bytes in asked.body do
    if not ok then break end
    local part = ('%x\r\n'):format(#bytes) .. bytes .. '\r\n'
    if bytes ~= '' then ok, why = stream:write(part) end
  end
  if ok then ok, why = stream:write '0\r\n\r\n' end
  return ok, why
end

local function until_when(self)
  local by = host.now() + (self.asked.read_timeout or TIMEOUT)
  return self.by and math.min(self.by, by) or by
end

local function came(self, by, kind, ...)
  if kind ~= nil then return kind, ... end
  local bytes, why = self.stream:pull(by)
  if not bytes then return nil, why end
  self.heard = true
  return came(self, by, self.parser:next(bytes))
end

local function event(self)
  return came(self, until_when(self), self.parser:next())
end

local function malformed(why) return err.new('malformed', tostring(why)) end

-- Interim answers (1xx) are passed over.
local function await_head(self)
  local kind, status, reason, _, keep_alive, length, headers
  repeat
    kind, status, reason, _, keep_alive, length, headers = event(self)
    if kind == false then return nil, malformed(reason) end
    if kind ~= 'head' then return nil, status end
  until status >= 200
  self.status, self.reason, self.headers = status, reason, headers
  self.keep_alive, self.whole = keep_alive, length == 0
  return true
end

local function settle(self)
  local stream = self.stream
  if not stream then return end
  self.stream = nil
  if self.whole and self.keep_alive and self.parser:pending() == 0 then
    return pool.give(self.key, stream)
  end
  return stream:close()
end

--- The next part of the body.
--- @return string? bytes, string|std.Err? why nil alone: that was all; 'timeout',
---   'stopping', 'closed': it was cut off
function Answer:read()
  if self.whole then return nil end
  if not self.stream then return nil, 'closed' end
  local kind, value, why = event(self)
  if kind == 'body' then return value end
  if kind == 'end' or kind == nil and value == 'closed' and self.parser:close() then
    self.whole = true
    settle(self)
    return nil
  end
  self:close()
  if kind == nil then return nil, value end
  return nil, malformed(why)
end

--- Lets go of an answer that is not read to its end.
function Answer:close() return settle(self) end

local function read_all(self, most)
  local parts, size = {}, 0
  while true do
    local bytes, why = self:read()
    if why then return nil, why end
    if not bytes then return table.concat(parts) end
    size = size + #bytes
    if size > most then
      self:close()
      return nil, err.new('EFBIG', ('more than %d bytes'):format(most))
    end
    parts[#parts + 1] = bytes
  end
end

local function converse(self, asked, url)
  local ok, why = send(self.stream, asked, url)
  if not ok and type(why) ~= 'table' then return nil, why end
  self.parser = http.parser('response', HEAD_MAX, FIELDS_MAX)
  if asked.method == 'HEAD' then self.parser:bodiless() end
  local answered, none = await_head(self)
  if not answered then return nil, why or none end
  if not ok then self.keep_alive = false end -- it has heard enough
  return true
end

-- One request, one answer's head. A kept connection may have ended meanwhile.
local function exchange(asked, url, by)
  local key = pool.key(url, asked)
  local stream, kept = pool.take(key, url, asked, math.max(0, by - host.now()))
  if not stream then return nil, kept end
  local self = setmetatable({
    stream = stream, key = key, asked = asked, by = by, url = asked.url,
  }, Answer)
  local ok, why = converse(self, asked, url)
  if ok then
    if self.whole then settle(self) end
    return self
  end
  stream:close()
  local may = kept and not self.heard and why ~= 'timeout' and why ~= 'stopping'
  if not may or not REPEATABLE[asked.method] or type(asked.body) == 'function' then
    return nil, why
  end
  asked.fresh = true
  return exchange(asked, url, by)
end

local MOVED = { [301] = true, [302] = true, [303] = true, [307] = true, [308] = true }

-- What to ask next; nil: this is the answer. False and why: it leads nowhere.
local function redirected(asked, url, answer)
  local location = MOVED[answer.status] and answer.headers.location
  if not location or asked.redirects == 0 then return nil end
  if asked.left <= 0 then return false, err.new('redirects', 'too many') end
  local is_same = answer.status > 303 -- the same request again
  if is_same and type(asked.body) == 'function' then return nil end
  local target = urls.resolve(url, location)
  local to, why = urls.parse(target)
  if not to then return false, err.new('url', why) end
  if url.scheme == 'https' and to.scheme ~= 'https' then
    return false, err.new('redirects', 'from https to http')
  end
  local new = setmetatable({ url = target, left = asked.left - 1 }, { __index = asked })
  if not is_same and asked.method ~= 'HEAD' then
    new.method, new.body = 'GET', false
  end
  if to.host ~= url.host or to.port ~= url.port then
    local headers = {}
    for name, value in pairs(asked.headers or {}) do
      local lower = name:lower()
      if lower ~= 'authorization' and lower ~= 'cookie' then headers[name] = value end
    end
    new.headers = headers
  end
  return new
end

local function follow(asked, by)
  while true do
    local url, why = urls.parse(asked.url)
    if not url then return nil, err.new('url', why) end
    local answer
    answer, why = exchange(asked, url, by)
    if not answer then return nil, why end
    local new
    new, why = redirected(asked, url, answer)
    if new == nil then return answer end
    answer:close()
    if not new then return nil, why end
    asked = new
  end
end

--- @param options std.http.Ask
--- @return std.http.Answer? answer, string|std.Err? why
function M.request(options)
  check(options)
  local asked = {}
  for key, value in pairs(options) do
    asked[key] = value
  end
  asked.method = asked.method or 'GET'
  asked.left = asked.redirects or REDIRECTS
  local answer, why = follow(asked, host.now() + (asked.timeout or TIMEOUT))
  if not answer then return nil, why end
  if asked.stream then
    answer.by = nil
    return answer
  end
  answer.body, why = read_all(answer, asked.max or BODY_MAX)
  if not answer.body then return nil, why end
  return answer
end

return M
