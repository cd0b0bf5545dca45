--- browser.lua -- a headless Chromium for specs, by the WebDriver protocol.

local json = require 'cjson'
local posix = require 'host.support.posix'
local uv = require 'luv'

local M = {}

local PATIENCE = tonumber(os.getenv 'RS_PATIENCE' or 60)
local ELEMENT = 'element-6066-11e4-a52e-4f735466cecf' -- as WebDriver names them
local FLAGS = {
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--disable-dev-shm-usage', '--hide-scrollbars',
}

--- A port that is free now.
--- @return integer
function M.free_port()
  local tcp = uv.new_tcp()
  assert(tcp:bind('127.0.0.1', 0))
  local port = tcp:getsockname().port
  tcp:close()
  uv.run 'nowait'
  return port
end

local function whole(bytes)
  local head, body = bytes:match '^(.-\r\n\r\n)(.*)$'
  local length = head and tonumber(head:lower():match 'content%-length: *(%d+)')
  return length and #body >= length and body:sub(1, length) or nil,
    head and tonumber(head:match '^HTTP/1.1 (%d+)')
end

--- One request, and its answer.
--- @return string? body, integer|string status_or_why
function M.http(port, method, path, body)
  local tcp = uv.new_tcp()
  local parts, done, why = {}, false, 'no answer'
  tcp:connect('127.0.0.1', port, function(err)
    if err then
      done, why = true, err
      return
    end
    local text = '%s %s HTTP/1.1\r\nhost: localhost:%d\r\nconnection: close\r\n'
      .. 'x-plant: 1\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s'
    tcp:write(text:format(method, path, port, #(body or ''), body or ''))
    tcp:read_start(function(failed, chunk)
      parts[#parts + 1] = chunk
      done = not chunk or failed ~= nil or whole(table.concat(parts)) ~= nil
    end)
  end)
  local timer = uv.new_timer()
  timer:start(PATIENCE * 1000, 0, function() done = true end)
  while not done do
    uv.run 'once'
  end
  timer:close()
  tcp:close()
  uv.run 'nowait'
  local answer, status = whole(table.concat(parts))
  return answer, status or why
end

--- @class plant.spec.Browser
--- @field private port integer
--- @field private session string
local Browser = {}
Browser.__index = Browser

function Browser:call(method, path, value)
  local body = method == 'POST' and json.encode(value or setmetatable({}, nil)) or nil
  if body == '[]' then body = '{}' end
  local text, status = M.http(self.port, method, self.session .. path, body)
  assert(text, status)
  local answer = json.decode(text).value
  if status ~= 200 then error(path .. ': ' .. text:sub(1, 400), 3) end
  return answer
end

--- Starts Chromium with a window of that size.
--- @param width integer
--- @param height integer
--- @return plant.spec.Browser
function M.start(width, height)
  local self = setmetatable({ port = M.free_port(), session = '' }, Browser)
  self.dir = posix.scratch()
  local null = assert(uv.fs_open('/dev/null', 'r+', 0))
  self.pid = posix.spawn {
    argv = { '/bin/sh', '-c', ('exec chromedriver --port=%d'):format(self.port) },
    env = { 'HOME=' .. self.dir, 'PATH=' .. os.getenv 'PATH', 'TMPDIR=' .. self.dir },
    cwd = self.dir, out = null, err = null,
  }
  uv.fs_close(null)
  local by = posix.now() + PATIENCE
  while not M.http(self.port, 'GET', '/status') do
    assert(posix.now() < by, 'chromedriver does not answer')
    uv.sleep(20)
  end
  local args = { '--user-data-dir=' .. self.dir .. '/profile' }
  args[2] = ('--window-size=%d,%d'):format(width, height)
  for _, flag in ipairs(FLAGS) do
    args[#args + 1] = flag
  end
  local made = self:call('POST', '/session', {
    capabilities = { alwaysMatch = { ['goog:chromeOptions'] = { args = args } } },
  })
  self.session = '/session/' .. made.sessionId
  return self
end

function Browser:go(url) return self:call('POST', '/url', { url = url }) end

--- Runs JavaScript in the page; what it returns.
function Browser:run(script)
  local args = json.decode '[]'
  local body = { script = script, args = args }
  local text = json.encode(body):gsub('"args":{}', '"args":[]')
  local path = self.session .. '/execute/sync'
  local answer, status = M.http(self.port, 'POST', path, text)
  assert(status == 200, answer)
  return json.decode(answer).value
end

--- Clicks, as a person would: at what is there and can be seen.
--- @param css string
function Browser:click(css)
  local found = self:call('POST', '/element', { using = 'css selector', value = css })
  self:call('POST', ('/element/%s/click'):format(found[ELEMENT]))
end

--- Waits until a JavaScript expression is true.
--- @param expression string
function Browser:wait(expression)
  local by = posix.now() + PATIENCE
  while true do
    local value = self:run('return ' .. expression)
    if value and value ~= json.null then return value end
    if posix.now() > by then error('never true: ' .. expression, 2) end
    uv.sleep(50)
  end
end

--- @param width integer
--- @param height integer
function Browser:resize(width, height)
  self:call('POST', '/window/rect', { width = width, height = height })
end

--- @param path string a PNG file
function Browser:shot(path)
  local file = assert(io.open(path, 'wb'))
  file:write(M.decode(self:call('GET', '/screenshot')))
  file:close()
end

--- @param text string in base 64
function M.decode(text)
  local digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  local value = {}
  for i = 1, 64 do
    value[digits:byte(i)] = i - 1
  end
  local out = {}
  for a, b, c, d in text:gmatch '(.)(.)(.)(.)' do
    local n = value[a:byte()] * 262144 + value[b:byte()] * 4096
      + (value[c:byte()] or 0) * 64 + (value[d:byte()] or 0)
    local bytes = c == '=' and 1 or d == '=' and 2 or 3
    out[#out + 1] = string.char(math.floor(n / 65536), math.floor(n / 256) % 256,
      n % 256):sub(1, bytes)
  end
  return table.concat(out)
end

--- Ends it, and whatever it has started.
function Browser:close()
  pcall(self.call, self, 'DELETE', '')
  posix.kill(self.pid, 'TERM')
  assert(posix.wait_gone(self.pid, PATIENCE), 'chromedriver does not end')
  posix.collect(self.pid)
  os.execute(("rm -rf '%s'"):format(self.dir))
end

return M
