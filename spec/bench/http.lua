-- http.lua -- std.http in one coroutine worker against nginx (one process) and Node's
-- http, with wrk, in turn; and what another worker of the same VM has of it.
--
-- Numbers are microseconds a request: as wrk sees them, and of the server's processor
-- time, which other work on the machine does not change. Less is better. A peer that is
-- not installed is left out.

local harness = require 'host.support.harness'
local measure = require 'bench.measure'
local posix = require 'host.support.posix'
local usage = require 'host.support.usage'

local SECONDS = tonumber(os.getenv 'RS_BENCH_SECONDS' or 3)
local ROUNDS = tonumber(os.getenv 'RS_BENCH_ROUNDS' or 3)
local CLIENTS = 64

local TREE = [[
local rs = require 'runsmith'
return rs.supervisor 'web' {
  rs.worker 'server' { run = 'server' },
  rs.worker 'beside' { run = 'beside' },
}
]]

local SERVER = [[
local http = require 'std.http'
local worker = require 'runsmith.worker'
return worker.define {
  starting = function(self)
    self.server = assert(http.listen { port = 0, routes = {
      ['GET /'] = function(_, response) return response:send 'hello world\n' end,
      ['GET /static/*'] = http.files 'static',
    } })
    require('std.fs').write('port', tostring(self.server.port))
    return 'run'
  end,
  running = function(self)
    if not self.server:step() then return 'complete' end
    return 'keepalive'
  end,
}
]]

-- Changes its state ten times a second, and lives by a heartbeat of 0.5 s.
local BESIDE = [[
local time = require 'std.time'
local worker = require 'runsmith.worker'
local function turn(event)
  return function()
    if not time.sleep(0.1) then return 'stop' end
    return event
  end
end
return worker.define {
  lifecycle = {
    { 'idle', on = { begin = 'up' } },
    { 'up', heartbeat = 0.5, on = { down = 'down', stop = 'stopped' } },
    { 'down', heartbeat = 0.5, on = { up = 'up', stop = 'stopped' } },
    { 'stopped', ends = 'ok' },
  },
  up = turn 'down',
  down = turn 'up',
}
]]

local NODE = [[
const fs = require('fs')
require('http').createServer((request, response) => {
  if (request.url === '/') return response.end('hello world\n')
  fs.readFile('.' + request.url, (err, text) => {
    response.setHeader('content-type', 'text/html')
    response.end(text)
  })
}).listen(%d, '127.0.0.1')
]]

local NGINX = [[
daemon off; master_process off; worker_processes 1; pid %s/nginx.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path %s/a; proxy_temp_path %s/b; fastcgi_temp_path %s/c;
  uwsgi_temp_path %s/d; scgi_temp_path %s/e;
  types { text/html html; }
  server {
    listen 127.0.0.1:%d;
    location = / { return 200 "hello world\n"; }
    location /static/ { root %s; }
  }
}
]]

local function has(program)
  return os.execute(('command -v %s >/dev/null 2>&1'):format(program)) == 0
end

local function free_port()
  local uv = require 'luv'
  local socket = uv.new_tcp()
  socket:bind('127.0.0.1', 0)
  local port = socket:getsockname().port
  socket:close()
  uv.run()
  return port
end

local function start(command, dir)
  local out_read, out_write = posix.pipe()
  local pid = posix.spawn {
    argv = { '/bin/sh', '-c', 'exec ' .. command }, cwd = dir, out = out_write,
    err = out_write, env = { 'PATH=' .. os.getenv 'PATH' },
  }
  posix.close(out_write)
  return pid, out_read
end

-- Requests a second.
local function wrk(port, path)
  local command = 'wrk -t1 -c%d -d%d http://127.0.0.1:%d%s 2>&1'
  local pipe = io.popen(command:format(CLIENTS, SECONDS, port, path))
  local text = pipe:read '*a'
  pipe:close()
  local rate = tonumber(text:match 'Requests/sec:%s*([%d.]+)')
  if not rate or text:find 'Non%-2xx' or text:find 'Socket errors' then
    error('wrk: ' .. text)
  end
  return rate
end

local function start_peers(dir)
  local peers = {}
  if has 'nginx' then
    local port = free_port()
    local conf = NGINX:format(dir, dir, dir, dir, dir, dir, port, dir)
    local file = assert(io.open(dir .. '/nginx.conf', 'w'))
    file:write(conf)
    file:close()
    peers.nginx = { port = port }
    peers.nginx.pid = start('nginx -c ' .. dir .. '/nginx.conf', dir)
  end
  if has 'node' then
    local port = free_port()
    local file = assert(io.open(dir .. '/server.js', 'w'))
    file:write(NODE:format(port))
    file:close()
    peers.node = { port = port }
    peers.node.pid = start('node server.js', dir)
  end
  return peers
end

local function transitions(host) return #host:all { unit = 'web/beside' } end

-- Each in turn, several times; the median of each.
local function race(servers, path, host)
  local rates, costs, changes, spent = {}, {}, 0, 0
  for _ = 1, ROUNDS do
    for name, server in pairs(servers) do
      host:watch(0.2)
      local before, from = transitions(host), posix.now()
      rates[name] = rates[name] or {}
      costs[name] = costs[name] or {}
      local cpu = usage.processor(server.pid)
      local rate = wrk(server.port, path)
      table.insert(rates[name], rate)
      local requests = rate * SECONDS
      table.insert(costs[name], (usage.processor(server.pid) - cpu) / requests)
      host:watch(0.05)
      if name == 'runsmith' then
        changes = changes + transitions(host) - before
        spent = spent + posix.now() - from
      end
    end
  end
  for name, list in pairs(rates) do
    rates[name] = measure.quantile(list)
    costs[name] = measure.quantile(costs[name])
  end
  return { rates = rates, costs = costs }, changes / spent
end

local function tell(report, what, found)
  local rates, costs = found.rates, found.costs
  for _, peer in ipairs { 'nginx', 'node' } do
    if rates[peer] then
      report {
        name = ('http: %s, floor %s'):format(what, peer), unit = 'us',
        value = 1e6 / rates.runsmith, floor = 1e6 / rates[peer],
        goal = peer == 'node' and 1 or nil, of = 'ratio',
      }
      report {
        name = ('http: %s, processor, %s'):format(what, peer), unit = 'us',
        value = 1e6 * costs.runsmith, floor = 1e6 * costs[peer],
        goal = peer == 'node' and 1 or nil, of = 'ratio',
      }
    end
  end
end

return function(report)
  if not has 'wrk' then return print 'http: there is no wrk' end
  local host = harness.start { files = {
    ['tree.lua'] = TREE, ['server.lua'] = SERVER, ['beside.lua'] = BESIDE,
    ['static/index.html'] = ('<p>here</p>\n'):rep(100),
  } }
  host:wait_for { kind = 'ready', unit = 'web' }
  local peers = start_peers(host.dir)
  local servers = { runsmith = {
    port = tonumber(posix.slurp(host.dir .. '/port')), pid = host:pid_of 'web/server',
  } }
  for name, peer in pairs(peers) do
    servers[name] = peer
  end
  host:watch(1)
  local quiet = transitions(host)
  host:watch(2)
  quiet = (transitions(host) - quiet) / 2
  local ok, why = pcall(function()
    local rates, busy = race(servers, '/', host)
    tell(report, '200, one line', rates)
    tell(report, 'file of 1.2 kB', (race(servers, '/static/index.html', host)))
    report {
      name = 'http: transitions/s beside it, floor: at rest', unit = '1/s',
      value = busy, floor = quiet,
    }
    report {
      name = 'http: violations meanwhile', unit = '', goal = 0,
      value = #host:all { kind = 'violation' },
    }
  end)
  for _, peer in pairs(peers) do
    posix.kill(peer.pid, 'KILL')
  end
  host:finish()
  if not ok then error(why, 0) end
end
