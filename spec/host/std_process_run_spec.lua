-- What running a program gives, in each backend: the same worker, asserting as it goes.

local assert = require 'luassert'
local harness = require 'host.support.harness'

local WORK = [[
local process = require 'std.process'
local time = require 'std.time'

local function same(expected, value)
  if value == expected then return end
  error(('%s, not %s'):format(tostring(value), tostring(expected)), 2)
end

local cases = {}

function cases.result()
  local got = assert(process.run { 'sh', '-c', 'echo out; echo err >&2; exit 3' })
  same(false, got.ok)
  same(3, got.status)
  same('out\n', got.stdout)
  same('err\n', got.stderr)
  got = assert(process.run { 'sh', '-c', 'kill -USR1 $$' })
  same('USR1', got.signal)
  same(nil, got.status)
  got = assert(process.run { 'sh', '-c', 'echo 1; echo 2 >&2', stderr = 'stdout' })
  same('1\n2\n', got.stdout)
end

function cases.surroundings()
  local got = assert(process.run {
    'sh', '-c', 'pwd; echo "$A-$HOME-"; env | grep -c "^RUNSMITH_UNIT="',
    cwd = '/', env = { A = 1, HOME = false },
  })
  same('/\n1--\n1\n', got.stdout)
end

function cases.nothing_to_run()
  local got, why = process.run { 'no-such-program' }
  same(nil, got)
  same('ENOENT', why.code)
  assert(tostring(why):find("cannot run 'no-such-program'", 1, true))
end

function cases.timeout()
  local before = time.mono()
  local got, why, part = process.run {
    'sh', '-c', 'echo early; setsid sleep 1001; echo late', timeout = 0.2,
  }
  same(nil, got)
  same('timeout', why)
  same('early\n', part.stdout)
  same('KILL', part.signal)
  assert(time.mono() - before >= 0.2)
end

function cases.too_much()
  local got, why, part = process.run { 'yes', max = 1000 }
  same(nil, got)
  same('EFBIG', why.code)
  same('KILL', part.signal)
end

function cases.what_it_leaves()
  local got = assert(process.run { 'sh', '-c', 'sleep 1001 & echo $!' })
  local pid = tonumber(got.stdout)
  for _ = 1, 500 do
    local stat = io.open('/proc/' .. pid .. '/stat')
    local text = stat and stat:read '*a'
    if stat then stat:close() end
    if not text or text:find '%) [ZX] ' then return end
    time.sleep(0.01)
  end
  error 'its child lives on'
end

-- Whoever left its session holds its output open: its end is not waited for.
function cases.what_goes_on()
  local before = time.mono()
  local got = assert(process.run { 'sh', '-c', [=[
    exec 3>&1
    up=$(setsid sh -c 'echo up; exec sleep 1001 >&3 2>&3' &)
    echo $up
  ]=], timeout = 10 })
  same('up\n', got.stdout)
  assert(time.mono() - before < 8)
end

function cases.input()
  local piece, count = ('x'):rep(999) .. '\n', 0
  local got = assert(process.run { 'cat', stdin = function()
    count = count + 1
    return count <= 3000 and piece or nil
  end })
  assert(got.stdout == piece:rep(3000))
  got = assert(process.run { 'true', stdin = piece:rep(1000) }) -- it does not read it
  same(true, got.ok)
end

function cases.lines()
  local child = assert(process.spawn { 'sh', '-c', 'seq 1 100000; printf last' })
  for i = 1, 100000 do
    same(tostring(i), child:line(10))
  end
  same('last', child:line(10))
  same('closed', select(2, child:line(10)))
  same(true, child:wait(10).ok)
  same(false, child:kill())
end

function cases.streams()
  local script = 'cat; echo end >&2'
  local child = assert(process.spawn { 'sh', '-c', script, stderr = 'pipe' })
  same('timeout', select(2, child:read(0.05)))
  assert(child:write('a\nb', 5))
  same('a', child:line(5))
  same('b', child:read(5))
  same('timeout', select(2, child:wait(0.05)))
  child:close()
  same('closed', select(2, child:write('x', 5)))
  same('end\n', child:read(5, 'stderr'))
  same(0, child:wait(5).status)
end

function cases.signals()
  local script = 'trap "exit 7" HUP; echo; sleep 9 & wait'
  local child = assert(process.spawn { 'sh', '-c', script })
  assert(child:line(5))
  same(true, child:is_alive())
  same(true, child:kill 'HUP')
  local status = assert(child:wait(5))
  same(7, status.status)
end

function cases.journal()
  assert(process.run { 'sh', '-c', 'printf told', stdout = 'journal' })
end

function cases.misuse()
  for text, call in pairs {
    ["no option 'tmeout': did you mean 'timeout'"] = function()
      process.run { 'ls', tmeout = 1 }
    end,
    ['takes a program and its words'] = function() process.run {} end,
    ['takes a table, not a string'] = function() process.run 'ls' end,
    ["stdout is 'pipe'; it has: capture"] = function()
      process.run { 'ls', stdout = 'pipe' }
    end,
    ['word 2 is a table'] = function() process.spawn { 'ls', {} } end,
    ["stdin is 'pipe' or 'ignore'"] = function()
      process.spawn { 'ls', stdin = 'x' }
    end,
    ['FOO is no signal'] = function() process.spawn({ 'true' }):kill 'FOO' end,
  } do
    local ok, why = pcall(call)
    same(false, ok)
    assert(tostring(why):find('work.lua:%d+: ') and why:find(text, 1, true), why)
  end
end

return function()
  for name, case in pairs(cases) do
    local ok, why = xpcall(case, debug.traceback)
    if not ok then error(name .. ': ' .. why, 0) end
  end
end
]]

local TREE = [[
local rs = require 'runsmith'
local function work() return require 'work' () end
return rs.supervisor 'plant' {
  rs.worker 'coroutine' { run = work, restart = 'temporary' },
  rs.worker 'thread' { run = work, restart = 'temporary', backend = 'thread' },
  rs.worker 'process' { run = work, restart = 'temporary', backend = 'process' },
}
]]

describe('std.process', function()
  after_each(harness.sweep)

  it('runs programs, the same in each backend', function()
    local host = harness.start { files = { ['tree.lua'] = TREE, ['work.lua'] = WORK } }
    for _, name in ipairs { 'coroutine', 'thread', 'process' } do
      local unit = 'plant/' .. name
      local ended = host:wait_for { kind = 'exited', unit = unit }
      assert.equal('ok', ended.reason, host:tail())
      assert.equal(1, #host:all { kind = 'output', unit = unit, text = 'told' })
    end
    host:finish { signal = false }
  end)
end)
