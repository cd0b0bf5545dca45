local fake = require 'lua.fake_host'
local posix = require 'host.support.posix'
local uv = require 'luv'

local EPOCH = 1774742400 -- 2026-03-29 00:00 UTC: at 01:00 Berlin's clock goes forward
local AUTUMN = 1792886400 -- 2026-10-25 00:00 UTC: at 01:00 it goes back

-- The next times of an expression, as libc's `date` would say them in a zone.
local function in_zone(name, code)
  local program = [[
    package.path = 'stdlib/?.lua;lua/?.lua;' .. package.path
    local expression = require 'std.cron_expression'
    local function times(text, from, count, format)
      local parsed, list = assert(expression.parse(text, 'local')), {}
      for i = 1, count do
        from = parsed:next(from)
        list[i] = os.date(format or '%d %H:%M %Z', from)
      end
      return table.concat(list, ', ')
    end
  ]]
  local dir = posix.scratch()
  local file = assert(io.open(dir .. '/program.lua', 'w'))
  file:write(program, code)
  file:close()
  local pipe = assert(io.popen(("TZ=%s luajit %s/program.lua 2>&1"):format(name, dir)))
  local said = pipe:read '*a'
  pipe:close()
  os.execute("rm -rf '" .. dir .. "'")
  return (said:gsub('\n$', ''))
end

local function times(zone, text, from, count)
  return in_zone(zone, ('print(times(%q, %d, %d))'):format(text, from, count))
end

describe('a cron expression', function()
  local expression

  before_each(function()
    fake.new()
    expression = require 'std.cron_expression'
  end)

  local function utc(text, from, count)
    local parsed, list = assert(expression.parse(text, 'utc')), {}
    for i = 1, count do
      from = parsed:next(from)
      list[i] = os.date('!%m-%d %H:%M:%S', from)
    end
    return table.concat(list, ', ')
  end

  it('knows lists, ranges, steps, names, seconds, nicknames', function()
    for _, row in ipairs {
      { '*/15 * * * *', '03-29 00:15:00, 03-29 00:30:00, 03-29 00:45:00' },
      { '5,1 9-17/8 * * *', '03-29 09:01:00, 03-29 09:05:00, 03-29 17:01:00' },
      { '30 3 * * mon-fri', '03-30 03:30:00, 03-31 03:30:00, 04-01 03:30:00' },
      { '0 12 1 JAN,jul *', '07-01 12:00:00, 01-01 12:00:00, 07-01 12:00:00' },
      { '0 0 * * fri-sun', '04-03 00:00:00, 04-04 00:00:00, 04-05 00:00:00' },
      { '0 0 * * 7', '04-05 00:00:00, 04-12 00:00:00, 04-19 00:00:00' },
      { '*/20 0 0 * * *', '03-29 00:00:20, 03-29 00:00:40, 03-30 00:00:00' },
      { '0 0 29 2 *', '02-29 00:00:00, 02-29 00:00:00, 02-29 00:00:00' },
      { '@hourly', '03-29 01:00:00, 03-29 02:00:00, 03-29 03:00:00' },
      { '@monthly', '04-01 00:00:00, 05-01 00:00:00, 06-01 00:00:00' },
      { '50/5 1 * * *', '03-29 01:50:00, 03-29 01:55:00, 03-30 01:50:00' },
    } do
      assert.equal(row[2], utc(row[1], EPOCH, 3), row[1])
    end
  end)

  it('takes either of day and weekday, both only if one begins with *', function()
    assert.equal('04-03 00:00:00, 04-10 00:00:00, 04-13 00:00:00',
      utc('0 0 13 * fri', EPOCH, 3))
    assert.equal('04-01 00:00:00, 04-05 00:00:00, 04-07 00:00:00',
      utc('0 0 */2 * sun,tue,wed', EPOCH + 2 * 86400, 3))
  end)

  it('says what is wrong with it', function()
    for text, why in pairs {
      ['61 * * * *'] = 'minute is 61; it must be from 0 to 59',
      ['* * *'] = 'it has 3 fields, not 5 or 6',
      ['0 0 31 2 *'] = 'there is no such day',
      ['@dayly'] = "did you mean '@daily'?",
      ['0 0 L * *'] = 'L, W, # and ? are not known here',
      ['*/0 * * * *'] = 'minute: a step of 0',
      ['5-1 * * * *'] = "minute: '5-1' ends before it begins",
      ['0 0 * foo *'] = "'foo' is no month",
      ['1, * * * *'] = "minute: '1,' lacks a value",
    } do
      assert.same({ nil, why }, { expression.parse(text, 'utc') })
    end
  end)

  it('comes once a day though the clock skips its time, or shows it twice', function()
    local zone = 'Europe/Berlin'
    assert.equal('28 02:30 CET, 29 03:00 CEST, 30 02:30 CEST',
      times(zone, '30 2 * * *', EPOCH - 86400, 3))
    assert.equal('25 02:30 CEST, 26 02:30 CET', times(zone, '30 2 * * *', AUTUMN, 2))
    assert.equal('29 03:00 CEST, 30 02:10 CEST, 30 02:50 CEST',
      times(zone, '10,50 2 * * *', EPOCH, 3))
  end)

  it('goes by the clock if hour or minute begin with *', function()
    local zone = 'Europe/Berlin'
    assert.equal('29 01:30 CET, 29 03:30 CEST, 29 04:30 CEST',
      times(zone, '30 * * * *', EPOCH, 3))
    assert.equal('25 02:30 CEST, 25 02:30 CET, 25 03:30 CET',
      times(zone, '30 * * * *', AUTUMN, 3))
    assert.equal('30 02:00 CEST, 30 02:20 CEST', times(zone, '*/20 2 * * *', EPOCH, 2))
  end)

  it('holds where the clock moves by half an hour, or at midnight', function()
    assert.equal('05 00:45 +11, 05 01:45 +11, 05 01:45 +1030, 05 02:45 +1030',
      times('Australia/Lord_Howe', '45 * * * *', EPOCH + 567000, 4))
    assert.equal('28 00:00 EET, 29 01:00 EEST, 30 00:00 EEST',
      times('Asia/Beirut', '0 0 * * *', EPOCH - 86400 - 7201, 3))
    assert.equal('24 23:30 EEST, 24 23:30 EET, 25 00:30 EET',
      times('Asia/Beirut', '30 * * * *', AUTUMN - 4 * 3600, 3))
    assert.equal('28 23:10 NST, 28 23:20 NST', -- at 00:01 it was 23:01 again
      times('America/St_Johns', '*/10 23 * * *', 1162088400, 2))
  end)
end)

describe('std.cron', function()
  local vm, cron, time, date

  before_each(function()
    vm = fake.new()
    cron, time = require 'std.cron', require 'std.time'
    date = EPOCH
    time.now = function() return date + vm.clock - 100 end
  end)

  local function run(fn)
    vm:plan(1, { { 'a', run = { task = fn } } })
    vm:start(1)
  end

  local function failure()
    for _, record in ipairs(vm.up) do
      if record.kind == 'EXIT' then return record.text end
    end
  end

  -- Waits, does `work` and notes when and what it was told.
  local function waits(make, work)
    local list = {}
    run(function()
      local made = make()
      while true do
        local due, missed = made:wait()
        list[#list + 1] = { due and due - EPOCH, missed, time.now() - EPOCH }
        if not due then return end
        work(#list)
      end
    end)
    return list
  end

  it('waits for each time', function()
    local list = waits(function() return cron.at('*/10 * * * *', { zone = 'utc' }) end,
      function() end)
    vm:pass(1801)
    assert.same({ { 600, 0, 600 }, { 1200, 0, 1200 }, { 1800, 0, 1800 } }, list)
    vm:ask(1)
    assert.same({ nil, 'stopping', 1801 }, list[4])
  end)

  it('does not drift every so often', function()
    local list = waits(function() return cron.every(10) end,
      function() time.sleep(3) end)
    vm:pass(31)
    assert.same({ { 10, 0, 10 }, { 20, 0, 20 }, { 30, 0, 30 } }, list)
  end)

  it('tells what was missed: once for all, none, or each', function()
    local function slow(policy)
      local list = waits(function() return cron.every(10, { missed = policy }) end,
        function(n) time.sleep(n == 1 and 25 or 0) end)
      vm:pass(51)
      vm:ask(1)
      return list
    end
    local list = slow 'once'
    assert.same({ { 10, 0, 10 }, { 30, 1, 35 }, { 40, 0, 40 } },
      { list[1], list[2], list[3] })
    vm, date = fake.new(), EPOCH
    cron, time = require 'std.cron', require 'std.time'
    time.now = function() return date + vm.clock - 100 end
    list = slow 'skip'
    assert.same({ { 10, 0, 10 }, { 40, 2, 40 } }, { list[1], list[2] })
    vm = fake.new()
    cron, time = require 'std.cron', require 'std.time'
    time.now = function() return date + vm.clock - 100 end
    list = slow 'all'
    assert.same({ { 10, 0, 10 }, { 20, 0, 35 }, { 30, 0, 35 }, { 40, 0, 40 } },
      { list[1], list[2], list[3], list[4] })
  end)

  it('notices within a minute that the clock was set', function()
    local list = waits(function() return cron.at('0 3 * * *', { zone = 'utc' }) end,
      function() end)
    vm:pass(60)
    date = date + 3 * 3600
    vm:pass(60)
    assert.equal(1, #list)
    assert.equal(3 * 3600, list[1][1])
    date = date - 2 * 3600 -- and back: the same time does not come twice
    vm:pass(7200)
    assert.equal(1, #list)
  end)

  it('knows from its file what passed while nobody ran', function()
    local folder = assert(uv.fs_mkdtemp '/tmp/std_cron_XXXXXX')
    local options = { zone = 'utc', file = folder .. '/last' }
    local got
    local function once()
      got = nil
      run(function()
        local made = cron.at('0 3 * * *', options)
        got = { made:wait() }
        made:wait()
      end)
    end
    local function turns()
      for _ = 1, 40 do
        uv.run 'nowait'
        vm:turn()
        uv.sleep(1)
      end
    end
    once()
    turns()
    vm:pass(3 * 3600 + 1)
    turns()
    assert.same({ EPOCH + 3 * 3600, 0 }, got)
    vm = fake.new()
    cron, time = require 'std.cron', require 'std.time'
    date = EPOCH + 3 * 86400 + 4 * 3600
    time.now = function() return date + vm.clock - 100 end
    once()
    turns()
    assert.same({ EPOCH + 3 * 86400 + 3 * 3600, 2 }, got)
    os.execute('rm -r ' .. folder)
  end)

  it('raises in the line of a wrong call', function()
    for text, call in pairs {
      ["'x': it has 1 fields"] = function() cron.at 'x' end,
      ['cron.every takes seconds above 0'] = function() cron.every(0) end,
      ["no option 'zon': did you mean 'zone'"] = function()
        cron.at('@daily', { zon = 1 })
      end,
      ["zone is 'x'; it has: local, utc"] = function()
        cron.at('@daily', { zone = 'x' })
      end,
      ['there are no jobs'] = function() cron.run {} end,
      ['run is no function'] = function() cron.run { { every = 1 } } end,
      ['one of at and every'] = function() cron.worker { { run = print } } end,
    } do
      local ok, why = pcall(call)
      assert.is_false(ok)
      assert.matches('std_cron_spec.lua:%d+: ', why)
      assert.truthy(why:find(text, 1, true), why)
    end
  end)

  -- Jobs that take 25 s every 10; when each began, and what it was told of missed ones.
  local function overlap(how)
    local began = {}
    run(function()
      cron.run { { every = 10, overlap = how, run = function(due, missed)
        began[#began + 1] = { due - EPOCH, missed, vm.clock - 100 }
        time.sleep(25)
      end } }
    end)
    vm:pass(66)
    return began
  end

  it('leaves out what comes while it runs', function()
    assert.same({ { 10, 0, 10 }, { 40, 2, 40 } }, overlap 'skip')
  end)

  it('has it wait', function()
    assert.same({ { 10, 0, 10 }, { 20, 0, 35 }, { 30, 0, 60 } }, overlap 'queue')
  end)

  it('runs it beside', function()
    assert.same({ { 10, 0, 10 }, { 20, 0, 20 }, { 30, 0, 30 }, { 40, 0, 40 },
      { 50, 0, 50 }, { 60, 0, 60 } }, overlap 'parallel')
  end)

  it('asks its jobs to stop, and waits for them', function()
    local said = {}
    run(function()
      cron.run { { every = 10, run = function()
        said[1] = select(2, time.sleep(1000))
        time.sleep(5) -- refused, as the first after the stop is
        time.sleep(5)
        said[2] = 'done'
      end } }
      said[3] = 'over'
    end)
    vm:pass(12)
    vm:ask(1)
    assert.same({ 'stopping' }, said)
    vm:pass(6)
    assert.same({ 'stopping', 'done', 'over' }, said)
    assert.is_true(vm:is_clean())
  end)

  it('fails the worker with what a job raises, traceback included', function()
    run(function()
      cron.run {
        { every = 10, run = function() error 'out of cheese' end },
        { every = 3, overlap = 'parallel', run = function() time.sleep(50) end },
      }
    end)
    vm:pass(12)
    assert.matches('std_cron_spec.lua:%d+: out of cheese.*traceback', failure())
    assert.is_true(vm:is_clean())
  end)

  it('ends its jobs with the worker', function()
    local done = false
    run(function()
      cron.run { { every = 1, run = function()
        time.sleep(5)
        done = true
      end } }
    end)
    vm:pass(2)
    vm:tell('END', 1, 0)
    vm:turn()
    vm:pass(10)
    assert.is_false(done)
    assert.is_true(vm:is_clean())
  end)

  it('is a worker of its own', function()
    local ran = 0
    local definition = cron.worker { { every = 1, run = function() ran = ran + 1 end } }
    vm:plan(1, { { 'a', run = definition } })
    vm:start(1)
    vm:pass(3.5)
    vm:ask(1)
    vm:turn()
    assert.equal(3, ran)
    local said = vm:said()
    assert.equal('EXIT OK', said[#said])
  end)
end)
