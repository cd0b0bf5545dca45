-- The control socket bears any client: it tells those that err, and drops them.

local assert = require 'luassert'
local control = require 'host.support.control'
local fixtures = require 'host.support.fixtures'
local harness = require 'host.support.harness'
local json = require 'cjson'
local parts = require 'host.support.parts'
local posix = require 'host.support.posix'

local TREE = [[
local rs = require 'runsmith'
return rs.supervisor 'plant' { rs.worker 'one' { run = 'beater' } }
]]

local function start(args)
  return control.start({ ['tree.lua'] = TREE, ['beater.lua'] = fixtures.beater }, args)
end

local function mode_of(path)
  local pipe = io.popen(("stat -c %%a '%s' 2>/dev/null"):format(path))
  local text = pipe:read '*l'
  pipe:close()
  return text
end

-- The host's ends of connections to its socket, by the kernel's table: in that state a
-- line has the path of the socket that was listened at. Descriptors would not do: the
-- engine opens and closes others meanwhile, for its spare runner.
local function connections(path)
  local CONNECTED, count = '03', 0
  for line in io.lines '/proc/net/unix' do
    local state, at = line:match '^%S+ %S+ %S+ %S+ %S+ (%S+) %s*%d+ (.+)$'
    if state == CONNECTED and at == path then count = count + 1 end
  end
  return count
end

local function well(host)
  assert.is_true(control.ask(host, { id = 1, op = 'status' }).ok)
end

describe('the control socket', function()
  after_each(harness.sweep)

  it('is its user\'s alone, and goes with the host', function()
    local host = start()
    assert.equal('600', mode_of(control.path(host)))
    host:wait_end(host:signal 'TERM' and 20)
    assert.is_nil(mode_of(control.path(host)))
    host:finish()
  end)

  it('lies where --socket says, or $RUNSMITH_SOCKET', function()
    local files = { ['tree.lua'] = TREE, ['beater.lua'] = fixtures.beater }
    local host = harness.start { files = files, args = { '--socket', 'here.sock' } }
    host:wait_for { kind = 'ready', unit = 'plant' }
    assert.equal('600', mode_of(host.dir .. '/here.sock'))
    host:finish()
    host = harness.start { files = files, env = { RUNSMITH_SOCKET = 'there.sock' } }
    host:wait_for { kind = 'ready', unit = 'plant' }
    assert.equal('600', mode_of(host.dir .. '/there.sock'))
    host:finish()
  end)

  it('lets no second host of the same name start', function()
    local host = start()
    local second = harness.start {
      files = { ['tree.lua'] = TREE, ['beater.lua'] = fixtures.beater },
      env = { XDG_RUNTIME_DIR = host.dir .. '/run' },
    }
    assert.equal(1, second:wait_end())
    second:release()
    well(host)
    host:finish()
  end)

  it('takes no place of a file, nor of a path that is too long', function()
    local function refused(path)
      local host = harness.start {
        files = {
          ['tree.lua'] = TREE, ['beater.lua'] = fixtures.beater, here = 'mine',
        },
        args = { '--socket', path },
      }
      assert.equal(1, host:wait_end())
      local text = table.concat(host.text, '\n')
      assert.equal('mine', posix.slurp(host.dir .. '/here'))
      host:release()
      return text
    end
    assert.truthy(refused('here'):find 'here: a file is there')
    assert.truthy(refused(('x'):rep(200)):find 'at most 107 bytes')
  end)

  it('takes the place of one that a dead host left', function()
    local host = start()
    parts.kill(host, 'engine')
    host:wait_end()
    assert.truthy(mode_of(control.path(host)))
    local second = harness.start {
      files = { ['tree.lua'] = TREE, ['beater.lua'] = fixtures.beater },
      env = { XDG_RUNTIME_DIR = host.dir .. '/run' },
    }
    second:wait_for { kind = 'ready', unit = 'plant' }
    well(host)
    second:finish()
    host:finish { signal = false, status = 1 }
  end)

  it('tells a malformed request so and hangs up', function()
    local host = start()
    local bad = {
      'garbage', '[1]', '{"id":1}', '{"op":7}', '{"id":{},"op":"status"}',
      '{"op":"a"} x', '{"op":"status\0"}', ('['):rep(2000),
      '{"id":"' .. ('x'):rep(500) .. '","op":"a"}',
    }
    for _, line in ipairs(bad) do
      local client = control.open(host)
      client:send(line .. '\n')
      assert.equal('malformed', client:object().error.code)
      assert.is_true(client:ended())
      client:close()
    end
    well(host)
    host:finish()
  end)

  it('tells an oversized one so', function()
    local host = start()
    local client = control.open(host)
    client:send(('x'):rep(70000))
    assert.equal('oversized', client:object().error.code)
    assert.is_true(client:ended())
    client:close()
    well(host)
    host:finish()
  end)

  it('is in the environment of each unit', function()
    local host = harness.start {
      files = {
        ['tree.lua'] = "local rs = require 'runsmith'\nreturn rs.supervisor 'plant' {\n"
          .. "  rs.worker 'lua' {"
          .. " run = function() print(os.getenv 'RUNSMITH_SOCKET') end },"
          .. "\n  rs.command 'sh' { exec = { 'sh', '-c', 'echo $RUNSMITH_SOCKET' } } }",
      },
    }
    for _, unit in ipairs { 'lua', 'sh' } do
      local said = host:wait_for { kind = 'output', unit = 'plant/' .. unit }
      assert.equal(control.path(host), said.text)
    end
    host:finish { signal = false }
  end)

  it('answers what it does not know, and goes on', function()
    local host = start()
    local client = control.open(host)
    assert.equal('unknown_op', client:ask({ id = 'a', op = 'fly' }).error.code)
    local answer = client:ask { id = 2, op = 'stop', path = 'plant/none' }
    assert.same({ 2, 'not_found' }, { answer.id, answer.error.code })
    assert.equal('not_found', client:ask({ op = 'stop', path = 'x/*' }).error.code)
    assert.is_true(client:ask({ id = 3, op = 'status' }).ok)
    client:close()
    host:finish()
  end)

  it('takes no field of a wrong type for none', function()
    local host = start()
    local function refused(request)
      local answer = control.ask(host, request)
      assert.is_false(answer.ok)
      assert.equal('invalid', answer.error.code)
      return answer.error.message
    end
    assert.equal('path must be a string', refused { op = 'status', path = 5 })
    assert.equal('since must be a number', refused { op = 'subscribe', since = 'x' })
    assert.equal('now must be true or false', refused { op = 'shutdown', now = 'no' })
    assert.equal('a text has a NUL in it', refused { op = 'status', path = '\0' })
    assert.is_true(control.ask(host, { op = 'status', path = json.null }).ok)
    local answer = control.ask(host, { op = 'status', path = '\\u0000' })
    assert.equal('not_found', answer.error.code)
    host:finish()
  end)

  it('answers a client that has closed its half', function()
    local host = start()
    local client = control.open(host)
    local ffi = require 'ffi'
    ffi.cdef 'int shutdown(int fd, int how);'
    client:send '{"id":1,"op":"status"}\n'
    ffi.C.shutdown(client.fd, 1)
    assert.is_true(client:object().ok)
    assert.is_true(client:ended())
    client:close()
    host:finish()
  end)

  it('waits for ever neither for a line nor for a reader', function()
    local host = start()
    local slow, client = control.open(host), control.open(host)
    assert.is_true(slow:ask({ op = 'status' }).ok)
    slow:send '{"op":"sta'
    for _ = 1, 2000 do
      client:send '{"id":1,"op":"status"}\n{"id":2,"op":"journal","since":0}\n'
      if not posix.wait_readable(client.fd, 0) then well(host) end
    end
    well(host)
    client:close()
    assert.equal('slow', slow:object().error.code)
    assert.is_true(slow:ended())
    slow:close()
    host:finish()
  end)

  it('lets go of who has hung up, though nothing is told to them', function()
    local host = start()
    local function count() return connections(control.path(host)) end
    local kept = control.open(host)
    assert.is_true(kept:ask({ id = 1, op = 'status' }).ok)
    local lines = {
      '{"id":1,"op":"subscribe","unit":"plant/none"}\n', '{"id":1,"op":"status"}\n',
    }
    for i = 1, 40 do
      local client = control.open(host)
      client:send(lines[i % 2 + 1])
      assert.is_true(client:object().ok)
      client:close()
    end
    local by = posix.now() + 5
    while count() > 1 and posix.now() < by do
      host:watch(0.02)
    end
    assert.equal(1, count())
    kept:close()
    host:finish()
  end)

  it('bears a thousand that are silent, and more than it takes', function()
    local host, ready = start()
    local clients = {}
    for i = 1, 1000 do
      clients[i] = assert(control.connect(control.path(host)), i)
    end
    well(host)
    for _ = 1, 100 do
      clients[#clients + 1] = assert(control.connect(control.path(host)))
    end
    well(host)
    assert.equal('busy', clients[1]:object().error.code)
    assert.same({}, host:all({ kind = 'violation' }, ready))
    for _, client in ipairs(clients) do
      client:close()
    end
    host:finish()
  end)
end)
