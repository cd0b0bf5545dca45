-- What becomes of a command's output.

local assert = require 'luassert'
local harness = require 'host.support.harness'
local posix = require 'host.support.posix'
local program = require 'host.support.program'

local command = program.command
local ONCE = "restart = 'temporary',"

local function texts(host, stream)
  local list = {}
  local pattern = { kind = 'output', unit = 'plant/x', stream = stream }
  for _, entry in ipairs(host:all(pattern)) do
    list[#list + 1] = entry.text
  end
  return list
end

local function ended(words, more)
  local host = program.start(command('x', words, ONCE .. (more or '')))
  local exit = host:wait_for { kind = 'exited', unit = 'plant/x' }
  return host, exit
end

describe('output', function()
  after_each(harness.sweep)

  it('is in the journal line by line, each with its stream', function()
    local host = ended 'print:one error:two print:three'
    assert.same({ 'one', 'three' }, texts(host, 'stdout'))
    assert.same({ 'two' }, texts(host, 'stderr'))
    host:finish()
  end)

  it('that was begun when its program crashed is kept, before `exited`', function()
    local host, exit = ended 'print:whole part:last-words die:9'
    local last = host:wait_for { kind = 'output', text = 'last-words' }
    assert.is_true(last.seq < exit.seq)
    assert.is_true(host:wait_for({ kind = 'started', unit = 'plant/x' }).seq < last.seq)
    host:finish()
  end)

  it('may come in parts', function()
    local host = ended 'part:a sleep:0.05 part:b sleep:0.05 print:c'
    assert.same({ 'abc' }, texts(host))
    host:finish()
  end)

  it('may be any bytes', function()
    local host = ended 'binary'
    assert.same({ 'a\0b\239\191\189\1' }, texts(host))
    host:finish()
  end)

  it('in a line of 10 MB is cut, with a mark', function()
    local host = ended 'long:10000000 print:after'
    local list = texts(host)
    assert.equal(2, #list)
    assert.equal(('x'):rep(16384) .. '… [9983616 more bytes]', list[1])
    assert.equal('after', list[2])
    host:finish()
  end)

  it('beyond its rate is counted and told, at once and in the end', function()
    local host = program.start(
      command('x', 'flood:5000 wait', 'output_rate = { lines = 100, within = 0.3 },'))
    local dropped, told = 0, nil
    repeat -- once for each span of time in which it was too much
      told = host:wait_for({ kind = 'log', unit = 'plant/x' }, told)
      dropped = dropped + tonumber(told.text:match '^stdout: (%d+) lines dropped')
      assert.is_true(#texts(host) >= 100)
    until dropped + #texts(host) >= 5000
    assert.equal(5000, dropped + #texts(host))
    host:finish()
  end)

  it('in a flood stalls neither its program nor the others', function()
    local host = program.start(
      command('x', 'flood:300000 print:end wait', ''),
      command('y', 'line:3 wait', 'ready = { fd = 3 },'))
    host:wait_for { kind = 'ready', unit = 'plant/y' }
    host:wait_for { kind = 'log', unit = 'plant/x' }
    host:finish()
  end)

  it('may be closed', function()
    local host, exit = ended 'mute sleep:0.05 exit:6'
    assert.equal(6, exit.status)
    host:finish()
  end)

  it('goes to a file that turns over, never beyond its cap', function()
    local host, exit = ended('flood:3000',
      "output = { 'out.log', max = '4K', keep = 3 },")
    assert.equal('ok', exit.reason)
    local all = ''
    for _, name in ipairs { 'out.log.2', 'out.log.1', 'out.log' } do
      local text = posix.slurp(host.dir .. '/' .. name)
      assert.is_true(#text <= 4096, name)
      assert.truthy(text:find '^line %d+\n')
      all = all .. text
    end
    assert.equal('', posix.slurp(host.dir .. '/out.log.3'))
    assert.truthy(all:find 'line 3000\n$')
    local expected = tonumber(all:match '^line (%d+)')
    for number in all:gmatch '(%d+)\n' do
      assert.equal(expected, tonumber(number))
      expected = expected + 1
    end
    host:finish()
  end)

  it('that its file cannot take is counted and told', function()
    local host = ended('flood:100', "output = { '/dev/full' },")
    local log = host:wait_for { kind = 'log', unit = 'plant/x' }
    assert.truthy(log.text:find 'bytes lost: the file: No space', log.text)
    host:finish()
  end)

  it('is the host\'s own by `inherit`', function()
    local host = ended('error:straight', "output = 'inherit',")
    host:finish { signal = false }
    assert.same({}, texts(host))
    assert.truthy(table.concat(host.text, '\n'):find('straight', 1, true))
  end)
end)
