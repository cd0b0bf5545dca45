-- web.lua -- a tree with a web server and a client, for specs. The client's checks run
-- in a worker, so std.net and std.http are tested from both sides; what it raises is
-- told.

local assert = require 'luassert'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'

local M = {}

local TREE = [[
local rs = require 'runsmith'
return rs.supervisor 'web' {
  stall = 5,
  rs.worker 'server' {
    run = 'server', backend = '%s', shutdown = 10,
    args = { limits = %s, tls = %s, port = %s },
    restart = 'permanent', %s
  },
  rs.worker 'client' {
    run = 'client', backend = 'process', after = { 'server' }, restart = 'temporary',
  },
  rs.worker 'other' { run = 'other' },
}
]]

local SERVER = [[
local fs = require 'std.fs'
local http = require 'std.http'
local task = require 'std.task'
local time = require 'std.time'
local worker = require 'runsmith.worker'

local topic = http.topic()
local big = ('0123456789abcdef'):rep(65536)

local routes = {
  ['GET /'] = function(_, response) return response:send 'here' end,
  ['GET /hello/:name'] = function(request, response)
    return response:json { name = request.params.name, query = request.query }
  end,
  ['GET /raise'] = function() error 'out of cheese' end,
  ['GET /wrong/:what'] = function(request, response)
    local WRONG = {
      body = function() return response:send(5) end,
      part = function() return response:write {} end,
      status = function() return response:json({}, 'created') end,
      header = function()
        response.headers['a b'] = 'c'
        return response:send 'x'
      end,
    }
    return WRONG[request.params.what]()
  end,
  ['GET /silent'] = function() end,
  ['GET /late'] = function(_, response)
    response:write 'half'
    error 'too late'
  end,
  ['GET /slow'] = function(request, response)
    local ok, why = time.sleep(tonumber(request.query.s))
    return response:send(ok and 'slept' or why)
  end,
  ['GET /spin'] = function() while true do end end,
  ['GET /big'] = function(_, response)
    for _ = 1, 16 do
      if not response:write(big) then return end
    end
  end,
  ['GET /move'] = function(_, response) return response:redirect '/hello/you?a=b' end,
  ['GET /round'] = function(_, response) return response:redirect '/round' end,
  ['POST /echo'] = function(request, response)
    local body = request:body()
    if body then return response:send(body) end
  end,
  ['POST /stream'] = function(request, response)
    for bytes in function() return request:read() end do
      if not response:write(bytes) then return end
    end
    if not response.begun then response:send '' end
  end,
  ['POST /ignored'] = function(_, response) return response:send 'no matter' end,
  ['GET /events'] = function(_, response) return topic:serve(response) end,
  ['GET /listeners'] = function(_, response)
    return response:send(tostring(topic:count()))
  end,
  ['POST /publish'] = function(request, response)
    topic:publish { event = 'e', data = assert(request:body()) }
    return response:send ''
  end,
  ['GET /static/*'] = http.files 'static',
}

return worker.define {
  starting = function(self, ctx)
    local args = ctx.args or {}
    self.server = assert(http.listen {
      port = args.port or 0, routes = routes, limits = args.limits, tls = args.tls,
    })
    fs.write('url', self.server.url)
    return 'run'
  end,
  running = function(self)
    if not self.server:step(0.2) then return 'complete' end
    return 'keepalive'
  end,
  terminating = function(self)
    print('cut ' .. self.server:close(1))
    return 'complete'
  end,
}
]]

local CLIENT = [[
local fs = require 'std.fs'
local http = require 'std.http'
local json = require 'std.json'
local net = require 'std.net'
local task = require 'std.task'
local time = require 'std.time'

local url = assert(fs.read 'url')
local port = tonumber(url:match ':(%d+)$')
local function connect() return assert(net.connect { port = port }) end
-- Sends bytes as they are; all that is answered until the end.
local function raw(bytes)
  local stream = connect()
  assert(stream:write(bytes))
  local parts = {}
  for part in function() return stream:read(nil, 5) end do parts[#parts + 1] = part end
  stream:close()
  return table.concat(parts)
end
local function equal(wanted, got)
  if wanted ~= got then
    error(('%s, not %s'):format(tostring(got), tostring(wanted)), 2)
  end
end
return function(ctx)
  local _ = { http, json, net, task, time, connect, raw, equal }
  do
]]

local OTHER = [[
local time = require 'std.time'
local worker = require 'runsmith.worker'
return worker.define {
  running = function()
    if not time.sleep(0.1) then return 'complete' end
    return 'keepalive'
  end,
}
]]

M.OTHER = OTHER

--- Starts the tree. `checks`: the body of the client's function.
--- @param backend string the server's
--- @param checks string
--- @param more? { limits?: string, tls?: string, port?: integer, files?: table,
---   fields?: string }
--- @return runsmith.spec.Host
function M.start(backend, checks, more)
  more = more or {}
  local files = {
    ['tree.lua'] = TREE:format(backend, more.limits or '{}', more.tls or 'nil',
      more.port or 'nil', more.fields or ''),
    ['server.lua'] = SERVER, ['other.lua'] = OTHER,
    ['client.lua'] = 'return { run = nil }',
    ['static/index.html'] = '<h1>here</h1>',
    ['static/deep/a b.txt'] = 'deep',
    ['static/.hidden'] = 'no',
    ['secret.txt'] = 'no',
    ['static/big.bin'] = ('x'):rep(1e6),
  }
  files['client.lua'] = CLIENT .. checks .. '\n  end\nend\n'
  files['tree.lua'] = files['tree.lua']:gsub("run = 'client'",
    "run = function(ctx) return require 'client' (ctx) end")
  for name, text in pairs(more.files or {}) do
    files[name] = text
  end
  return harness.start { files = files }
end

--- Waits until the client has ended well; says what it raised if it did not.
--- @return table entry its `exited`
function M.passes(host, patience)
  local ended = host:wait_for({ kind = 'exited', unit = 'web/client' }, nil, patience)
  assert.equal('ok', ended.reason, host:tail())
  return ended
end

--- Nobody was late, ended or was restarted, but for the client, which is done.
function M.in_peace(host)
  for _, kind in ipairs { 'violation', 'restart', 'collateral', 'killed' } do
    assert.equal(0, #host:all { kind = kind }, kind .. host:tail())
  end
end

--- Descriptors that a process has open.
function M.descriptors(pid) return #posix.list('/proc/' .. pid .. '/fd') end

--- The whole of it: the client's checks pass, nobody else notices, nothing is left.
function M.check(backend, checks, more)
  local host = M.start(backend, checks, more)
  M.passes(host, more and more.patience)
  M.in_peace(host)
  host:finish()
end

return M
