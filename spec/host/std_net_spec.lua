-- std.net between workers: TCP, Unix sockets, datagrams; deadlines, the stop rule and
-- back-pressure. And a probe that speaks TLS.

local assert = require 'luassert'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'
local web = require 'host.support.web'

local TREE = [[
local rs = require 'runsmith'
return rs.supervisor 'web' {
  stall = 5,
  rs.worker 'client' {
    run = function(ctx) return require 'client' (ctx) end,
    backend = '%s', restart = 'temporary', shutdown = 5,
  },
  rs.worker 'other' { run = 'other' },
}
]]

local HEAD = [[
local fs = require 'std.fs'
local net = require 'std.net'
local task = require 'std.task'
local time = require 'std.time'
local function equal(wanted, got)
  if wanted ~= got then
    error(('%s, not %s'):format(tostring(got), tostring(wanted)), 2)
  end
end
-- Both ends of a connection.
local function pair()
  local listener = assert(net.listen { port = 0 })
  local one = assert(net.connect { host = 'localhost', port = listener.port })
  local other = assert(listener:accept(5))
  listener:close()
  return one, other
end
local _ = { fs, net, task, time, equal, pair }
]]

local function start(backend, checks)
  return harness.start { files = {
    ['tree.lua'] = TREE:format(backend), ['other.lua'] = web.OTHER,
    ['client.lua'] = HEAD .. 'return function()\n' .. checks .. '\nend\n',
  } }
end

local function check(backend, checks)
  local host = start(backend, checks)
  web.passes(host)
  web.in_peace(host)
  host:finish()
end

local READS = [[
  local one, other = pair()
  one:write 'a line\r\nanother\n12345rest'
  equal('a line', other:read_line())
  equal('another', other:read_line())
  equal('12345', other:read_exactly(5))
  equal('re', other:read(2))
  equal('st', other:read())
  local bytes, why = other:read(nil, 0.05)
  equal(nil, bytes)
  equal('timeout', why)
  one:write(('x'):rep(100))
  bytes, why = other:read_line(50)
  equal(nil, bytes)
  equal('too long', why)
  one:shutdown()
  equal(nil, (other:read_exactly(101)))
  equal(100, #other:read())
  equal('closed', select(2, other:read()))
  other:write 'the other way still works\n'
  equal('the other way still works', one:read_line())
  other:close()
  equal('closed', select(2, one:read()))
  equal('closed', select(2, other:write 'x'))
  one:close()
  equal('ECONNREFUSED', select(2, net.connect { port = 1 }).code)
  equal('EAI_NONAME', select(2, net.resolve('no.such.host.invalid', 5)).code)
  local listener = assert(net.listen { port = 0 })
  equal('EADDRINUSE', select(2, net.listen { port = listener.port }).code)
  equal('timeout', select(2, listener:accept(0.05)))
  listener:close()
  equal('closed', select(2, listener:accept(1)))
]]

local PRESSURE = [[
  -- Who does not read stops who writes, and neither loses a byte.
  local one, other = pair()
  local part, sent = ('0123456789abcdef'):rep(4096), 0
  local writer = task.spawn(function()
    for _ = 1, 320 do
      if not one:write(part) then return end
      sent = sent + #part
    end
    one:close()
  end)
  time.sleep(0.3)
  local rested = sent
  assert(rested < 16 * 2 ^ 20, rested)
  time.sleep(0.1)
  equal(rested, sent)
  local size = 0
  for bytes in function() return other:read() end do size = size + #bytes end
  equal(320 * #part, size)
  assert(writer:join())
  other:close()
  -- A write that nobody takes has an end, too.
  one, other = pair()
  local ok, why
  repeat ok, why = one:write(part, 0.1) until not ok
  equal('timeout', why)
  equal(false, one:is_open())
  other:close()
]]

local UNIX = [[
  local listener = assert(net.listen { path = 'here.sock' })
  local one = assert(net.connect { path = 'here.sock' })
  local other = assert(listener:accept(5))
  one:write 'hello\n'
  equal('hello', other:read_line())
  equal('EADDRINUSE', select(2, net.listen { path = 'here.sock' }).code)
  one:close()
  other:close()
  listener:close()
  equal(nil, (fs.stat 'here.sock'))
  equal('ENOENT', select(2, net.connect { path = 'here.sock' }).code)
  -- Only a socket gives way, and no path is cut.
  assert(fs.write('file', 'mine'))
  equal('EADDRINUSE', select(2, net.listen { path = 'file' }).code)
  equal('mine', fs.read 'file')
  for _, call in ipairs { 'listen', 'connect' } do
    equal('ENAMETOOLONG', select(2, net[call] { path = ('x'):rep(108) }).code)
  end
  -- What is no number of bytes is told in the caller's line.
  one, other = pair()
  for _, call in ipairs { 'read', 'read_line', 'read_exactly' } do
    local ok, why = pcall(function() return one[call](one, 0.1), 1 end)
    equal(false, ok)
    assert(why:find('^[^:]*client[^:]*:%d+: stream:' .. call .. ' takes'), why)
  end
  equal(false, (pcall(net.connect, { port = 1, timeout = '1' })))
  one:close()
  other:close()
  -- Datagrams.
  local here = assert(net.udp { host = '127.0.0.1', port = 0 })
  local there = assert(net.udp { host = '127.0.0.1' })
  assert(there:send('one', '127.0.0.1', here.port))
  assert(there:send('', '127.0.0.1', here.port))
  local data, address, port = here:receive(5)
  equal('one 127.0.0.1 ' .. there.port, table.concat({ data, address, port }, ' '))
  equal('', (here:receive(5)))
  equal('timeout', select(2, here:receive(0.05)))
  here:close()
  there:close()
]]

local STOPS = [[
  local one, other = pair()
  local listener = assert(net.listen { port = 0 })
  task.spawn(function() print('side ' .. tostring(select(2, listener:accept()))) end)
  task.spawn(function() print 'waits' end) -- once all the others do
  print('read ' .. tostring(select(2, one:read(nil, 60))))
  print('next ' .. tostring(select(2, one:read(nil, 60))))
  other:write 'still\n'
  print('then ' .. tostring(one:read_line(nil, 5)))
]]

describe('std.net', function()
  after_each(harness.sweep)

  for _, backend in ipairs { 'coroutine', 'thread', 'process' } do
    it('reads and writes: ' .. backend, function() check(backend, READS) end)
    it('holds back who is too fast: ' .. backend, function()
      check(backend, PRESSURE)
    end)

    it('stops waiting when its worker is asked to: ' .. backend, function()
      local host = start(backend, STOPS)
      host:wait_for { kind = 'output', text = 'waits' }
      host:signal 'TERM'
      host:wait_for { kind = 'output', text = 'then still' }
      for _, text in ipairs { 'side stopping', 'read stopping', 'next stopping' } do
        assert.equal(1, #host:all { kind = 'output', text = text }, host:tail())
      end
      host:finish { signal = false }
    end)
  end

  it('has Unix sockets and datagrams', function() check('coroutine', UNIX) end)

  it('leaves no descriptor with a worker that raised', function()
    local host = start('coroutine', [[
      local list = {}
      for i = 1, 50 do list[i] = { pair() } end
      list[51] = assert(net.udp())
      error 'enough'
    ]])
    local ended = host:wait_for { kind = 'exited', unit = 'web/client' }
    assert.equal('exception', ended.reason)
    host:watch(0.2)
    local pid = host:pid_of 'web/other'
    for _, fd in ipairs(posix.list('/proc/' .. pid .. '/fd')) do
      local link = io.popen(("readlink '/proc/%d/fd/%s'"):format(pid, fd)):read '*l'
      local inode = tostring(link):match '^socket:%[(%d+)%]$'
      local tcp = posix.slurp('/proc/' .. pid .. '/net/tcp')
      assert.is_nil(inode and tcp:find(' ' .. inode .. ' ', 1, true), host:tail())
    end
    host:finish()
  end)
end)
