-- Each built-in kind of probe against something real.

local assert = require 'luassert'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'

-- A server that is well until the file `sick` appears.
local SERVER = [[
local uv = require 'luv'
local time = require 'std.time'
local worker = require 'runsmith.worker'

local function answer(client)
  local sick = uv.fs_stat 'sick'
  local status = sick and '503 Gone' or '200 OK'
  local body = sick and 'no' or 'all is well'
  local head = ('HTTP/1.1 %s\r\nTransfer-Encoding: chunked\r\n\r\n'):format(status)
  client:write(head .. ('%x\r\n%s\r\n0\r\n\r\n'):format(#body, body))
end

local function listen(server)
  assert(server:listen(16, function()
    local client = server:get_type() == 'pipe' and uv.new_pipe() or uv.new_tcp()
    server:accept(client)
    client:read_start(function(_, bytes)
      if bytes then answer(client) else client:close() end
    end)
  end))
end

return worker.define {
  starting = function(self)
    self.tcp, self.pipe = uv.new_tcp(), uv.new_pipe()
    assert(self.tcp:bind('127.0.0.1', 0))
    assert(self.pipe:bind 'server.sock')
    listen(self.tcp)
    listen(self.pipe)
    local file = io.open('port', 'w')
    file:write(self.tcp:getsockname().port)
    file:close()
    return 'run'
  end,
  running = function(_, ctx)
    if ctx.stopping then return 'complete' end
    time.sleep(0.1)
    return 'keepalive'
  end,
}
]]

-- The port is known when the server runs; the probes' module reads it then.
local TREE = [[
local rs = require 'runsmith'
local http = require 'runsmith.probe.http'
local tcp = require 'runsmith.probe.tcp'

local function port()
  local file = assert(io.open 'port')
  local number = file:read '*n'
  file:close()
  return number
end

rs.probe.define('web', { check = function()
  return http.check {
    url = ('http://localhost:%%d/health?x=1'):format(port()), contains = 'is well',
  }
end })
rs.probe.define('door', { check = function() return tcp.check { port = port() } end })

return rs.supervisor 'plant' {
  rs.worker 'server' {
    run = 'server',
    probes = {
      rs.probe.web { every = 0.05, action = 'warn' },
      rs.probe.door { every = 0.05 },
      rs.probe.unix { path = 'server.sock', every = 0.05 },
      %s
    },
  },
}
]]

local function start(probes)
  return harness.start { files = {
    ['tree.lua'] = TREE:format(probes or ''), ['server.lua'] = SERVER,
  } }
end

local function alone(unit)
  return harness.start { files = {
    ['beater.lua'] = fixtures.beater,
    ['tree.lua'] = ([[
local rs = require 'runsmith'
return rs.supervisor 'plant' { intensity = { max = 1000, within = 1 }, %s }
]]):format(unit),
  } }
end

local function verdict(host, probe, of, since)
  return host:wait_for({ kind = 'probe', probe = probe, verdict = of }, since)
end

describe('the probe', function()
  after_each(harness.sweep)

  it('http reads status and body, tcp and unix connect', function()
    local host = start()
    verdict(host, 'web', 'alive')
    verdict(host, 'door', 'alive')
    verdict(host, 'unix', 'alive')
    host:write('sick', '')
    assert.equal('status 503, not 200', verdict(host, 'web', 'dead').detail)
    assert.equal(0, #host:all { kind = 'violation' })
    host:finish()
  end)

  it('http, tcp and unix are bad where nobody answers', function()
    local host = start [[
      rs.probe.http { url = 'http://127.0.0.1:1/', every = 0.1, action = 'warn' },
      rs.probe.tcp { port = 1, every = 0.1, action = 'warn' },
      rs.all {
        rs.probe.unix { path = 'server.sock' }, rs.no(rs.probe.tcp { port = 1 }),
        every = 0.1,
      },
    ]]
    assert.equal('127.0.0.1:1: ECONNREFUSED', verdict(host, 'http', 'dead').detail)
    assert.equal('127.0.0.1:1: ECONNREFUSED', verdict(host, 'tcp', 'dead').detail)
    verdict(host, 'all', 'alive')
    host:finish()
  end)

  it('exec goes by the status, and is killed when it takes too long', function()
    local host = alone [[
      rs.worker 'unit' { run = 'beater', probes = {
        rs.probe.exec { exec = { 'test', '!', '-e', 'sick' }, every = 0.1 },
      } },
      rs.worker 'slow' { run = 'beater', probes = {
        rs.probe.exec { exec = { 'sleep', '777' }, every = 0.1, timeout = 0.3,
                        action = 'warn' },
      } },
    ]]
    host:wait_for { kind = 'probe', unit = 'plant/unit', verdict = 'alive' }
    local late = host:wait_for { kind = 'probe', unit = 'plant/slow', verdict = 'dead' }
    assert.equal('no answer within 0.3 s', late.detail)
    host:write('sick', '')
    local violation = host:wait_for { kind = 'violation', unit = 'plant/unit' }
    assert.equal('probe', violation.constraint)
    assert.equal('exec: test exited with status 1', violation.where)
    host:watch(0.5)
    local count = 0
    for _, process in ipairs(host:processes()) do
      if process.title:find 'sleep 777' then count = count + 1 end
    end
    assert.is_true(count <= 1)
    host:finish()
  end)

  it('file wants it there, and fresh', function()
    local host = alone [[
      rs.worker 'unit' { run = 'beater', probes = {
        rs.probe.file { path = 'tree.lua', max_age = 60, every = 0.1, action = 'warn' },
      } },
    ]]
    verdict(host, 'file', 'alive')
    os.execute(("touch -d '1 hour ago' '%s/tree.lua'"):format(host.dir))
    local dead = verdict(host, 'file', 'dead')
    assert.truthy(dead.detail:find 'more than 60$', dead.detail)
    host:write('tree.lua', 'new')
    verdict(host, 'file', 'alive', dead)
    host:finish()
  end)

  it('memory restarts who eats too much, cpu tells who computes', function()
    local host = alone [[
      rs.worker 'eater' { backend = 'process', run = function(ctx)
          local kept = {}
          while not ctx.stopping do
            if ctx.incarnation == 0 then kept[#kept + 1] = ('x'):rep(4e6 + #kept) end
            require('std.time').sleep(0.02)
          end
        end,
        probes = { rs.probe.memory { max = '64M', every = 0.1, when = 'running' } } },
      rs.command 'busy' { exec = { 'sh', '-c', 'while :; do :; done' },
        probes = { rs.probe.cpu { max = 2, every = 0.2, action = 'warn' } } },
    ]]
    local violation = host:wait_for { kind = 'violation', unit = 'plant/eater' }
    assert.truthy(violation.where:find '^memory: %d+%.%d MiB are more than 64%.0$')
    local started = { kind = 'started', unit = 'plant/eater', incarnation = 1 }
    host:wait_for(started, violation)
    assert.truthy(verdict(host, 'cpu', 'dead').detail:find '%% are more than 2$')
    host:watch(0.5)
    assert.equal(1, #host:all { kind = 'violation' })
    host:finish()
  end)

  it('memory of an isolated supervisor is its runner\'s, which goes with it', function()
    local host = alone [[
      rs.supervisor 'domain' { isolate = true,
        probes = { rs.probe.memory { max = '64M', every = 0.1 } },
        rs.worker 'eater' { run = function(ctx)
          local kept = {}
          while not ctx.stopping do
            if #kept < 20 then kept[#kept + 1] = ('x'):rep(4e6 + #kept) end
            require('std.time').sleep(0.02)
          end
        end } },
    ]]
    local violation = host:wait_for { kind = 'violation', unit = 'plant/domain' }
    assert.truthy(violation.where:find '^memory: %d+%.%d MiB are more than 64%.0$')
    local eater, pids = 'plant/domain/eater', {}
    for inc = 0, 1 do
      local started = { kind = 'started', unit = eater, incarnation = inc }
      pids[inc] = host:wait_for(started).pid
    end
    assert.not_equal(pids[0], pids[1])
    local probe = { kind = 'probe', unit = 'plant/domain', verdict = 'alive' }
    host:wait_for(probe, violation)
    host:finish()
  end)

  it('open_files counts descriptors', function()
    local host = alone [[
      rs.command 'unit' { exec = { 'sh', '-c', 'exec 7<tree.lua 8<tree.lua; sleep 99' },
        probes = { rs.probe.open_files { max = 4, every = 0.1, action = 'warn' } } },
    ]]
    local dead = verdict(host, 'open_files', 'dead')
    assert.equal('5 open descriptors are more than 4', dead.detail)
    host:finish()
  end)

  it('output sees what a command writes, and can be its `ready`', function()
    local host = alone [[
      rs.command 'unit' {
        exec = { 'sh', '-c', 'echo starting; sleep 0.3; echo open for business;'
                 .. ' sleep 0.3; echo PANIC 7 >&2; sleep 99' },
        ready = rs.probe.output { pattern = 'open for' },
        probes = { rs.no(rs.probe.output { pattern = '^PANIC', stream = 'stderr' }) },
      },
    ]]
    local open = host:wait_for { kind = 'output', text = 'open for business' }
    local ready = host:wait_for { kind = 'ready', unit = 'plant/unit' }
    assert.is_true(ready.index > open.index)
    host:finish()
  end)
end)
