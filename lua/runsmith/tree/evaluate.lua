--- Evaluation of a tree script: in this process, or in one of its own with limits.
local abi = require 'runsmith.abi'
local check = require 'runsmith.tree.check'
local describe = require 'runsmith.tree.describe'
local family = require 'runsmith.family'
local json = require 'cjson'
local modules = require 'runsmith.tree.modules'
local plan = require 'runsmith.tree.plan'
local uv = require 'luv'

local M = {}

M.CPU, M.MEMORY = 5, 2 ^ 30 -- seconds, bytes
local WALL_FACTOR = 12
local PLAN_FD, MISTAKES_FD = 3, 4
local SIGKILL, SIGXCPU = 9, 24

-- Splits 'FILE:LINE: message' as errors have it.
local function split(text)
  local file, line, message = text:match '^([^\n]-):(%d+): (.*)$'
  if not file then return nil, nil, text end
  return file, tonumber(line), message
end

-- What an error says, as a beginner would want to hear it.
local function plain_words(message, dir)
  local name = message:match "^module '([^']*)' not found:"
  if name then
    local file = dir .. name:gsub('%.', '/')
    return ("there is no module '%s': neither %s.lua nor %s/init.lua exists"):format(
      name,
      file,
      file
    )
  end
  if message:find 'not enough memory' then
    return 'evaluation needs more memory than its limit; --eval-memory raises it'
  end
  return (message:gsub('%s+$', ''))
end

--- @param fault any what was raised
--- @return { file?: string, line?: integer, message: string }
local function fault_of(fault, dir)
  if type(fault) ~= 'string' then
    return { message = ('an error that is no text, but a %s'):format(type(fault)) }
  end
  local file, line, message = split(fault)
  return { file = file, line = line, message = plain_words(message, dir) }
end

local function loader(recorder, dir)
  return function(name)
    local ok, value = pcall(require, name)
    local loaded = recorder.by_name[name]
    if ok then return value, { file = loaded and loaded.file } end
    local fault = fault_of(value, dir)
    if not fault.line and loaded then
      fault.file, fault.line = loaded.file, 1
    end
    return nil, fault
  end
end

local function mistake(file, fault)
  return {
    file = fault.file or file,
    line = fault.line or 1,
    path = '',
    message = fault.message,
  }
end

-- Runs the script and all that follows from it, with the recorder in place.
local function work(file, dir, recorder)
  local chunk, why = loadfile(file)
  if not chunk then
    local at, line, message = split(why)
    local said = line and message or ('it cannot be read: ' .. why)
    return nil, { mistake(file, { file = at, line = line, message = said }) }
  end
  local ok, root = pcall(chunk)
  if not ok then return nil, { mistake(file, fault_of(root, dir)) } end
  local tree, mistakes = check.tree(root, {
    script = file,
    load = loader(recorder, dir),
  })
  if not tree then return nil, mistakes end
  recorder:foresee(file)
  local compiled, large = plan.compile(tree, {
    script = file,
    root_dir = uv.fs_realpath(dir == '' and '.' or dir),
    recorder = recorder,
  })
  if not compiled then return nil, { mistake(file, { message = large }) } end
  return compiled
end

-- A million units take half a dozen collections, each longer than the one before. So
-- the next one comes late, when four times as much lives as after the last, but never
-- later than at half of the memory that there is. Asked anew at the end of each: the
-- sentinel is garbage whose finalizer leaves another.
local function collect_late(memory)
  local half = memory / 1024 / 2
  local function sentinel()
    local lives = math.max(collectgarbage 'count', 1)
    local pause = math.floor(half / lives * 100)
    collectgarbage('setpause', math.min(400, math.max(120, pause)))
    getmetatable(newproxy(true)).__gc = sentinel
  end
  sentinel()
end

--- Evaluates a script in this process.
--- @param file string
--- @return runsmith.Plan? plan
--- @return runsmith.Mistake[]? mistakes
function M.here(file)
  local dir = file:match '^(.*/)' or ''
  local recorder = modules.new(dir)
  local before = {}
  for name in pairs(package.loaded) do
    before[name] = true
  end
  describe.forget(file)
  recorder:install()
  local ok, compiled, mistakes = pcall(work, file, dir, recorder)
  recorder:remove()
  for _, loaded in ipairs(recorder.list) do
    if not before[loaded.name] then package.loaded[loaded.name] = nil end
  end
  if not ok then
    collectgarbage()
    return nil, { mistake(file, fault_of(compiled, dir)) }
  end
  return compiled, mistakes
end

-- A script describes and does nothing: what it prints is for the reader of stderr.
local function quieten()
  function _G.print(...)
    local parts = {}
    for i = 1, select('#', ...) do
      parts[i] = tostring((select(i, ...)))
    end
    io.stderr:write(table.concat(parts, '\t'), '\n')
  end
  io.output(io.stderr)
  rawset(
    os,
    'exit',
    function()
      error(
        'os.exit: a tree script describes; it returns a supervisor and ends nothing',
        2
      )
    end
  )
end

--- The whole life of an evaluator process: the plan to descriptor 3, mistakes to 4.
--- @param file string
--- @param memory integer bytes that it may take
--- @param tells_reads? boolean descriptor 4 hears of each file that is read
--- @return integer status
function M.process(file, memory, tells_reads)
  if tells_reads then
    require('runsmith.tree.reads').install(file, function(path)
      local line = json.encode { read = path } .. '\n'
      abi.write(MISTAKES_FD, line, #line)
    end)
  end
  collect_late(memory)
  quieten()
  local compiled, mistakes = M.here(file)
  if compiled then return compiled:write(PLAN_FD) and 0 or 1 end
  local lines = {}
  for i, item in ipairs(mistakes) do
    lines[i] = json.encode(item) .. '\n'
  end
  local text = table.concat(lines)
  abi.write(MISTAKES_FD, text, #text)
  return 1
end

local function read_all(pipe, into)
  uv.read_start(pipe, function(_, chunk)
    if chunk then
      into[#into + 1] = chunk
    else
      uv.close(pipe)
    end
  end)
end

-- Why an evaluator that said nothing has ended.
local function end_of(result, options)
  if result.late then
    return ('evaluation was not done after %g s; a script waits for nothing'):format(
      options.wall
    )
  elseif result.signal == SIGXCPU then
    return (
      'evaluation took more than %g s of processor time; --eval-time raises the '
      .. 'limit'
    ):format(options.cpu)
  elseif result.signal == SIGKILL then
    return 'evaluation was killed (out of memory, or by someone)'
  elseif result.signal ~= 0 then
    return ('evaluation crashed (signal %d)'):format(result.signal)
  end
  return (
    'evaluation ended with status %d and said nothing; more memory may help '
    .. '(--eval-memory)'
  ):format(result.code)
end

local function run_process(file, options, command)
  local result, plan_parts, mistake_parts = {}, {}, {}
  local plan_pipe, mistake_pipe = uv.new_pipe(false), uv.new_pipe(false)
  local args = { unpack(command, 2) }
  for _, item in ipairs {
    '__evaluate',
    '--cpu',
    ('%.17g'):format(options.cpu),
    '--memory',
    ('%d'):format(options.memory),
    '--',
    file,
  } do
    args[#args + 1] = item
  end
  local timer, child = uv.new_timer(), nil
  local pid -- or why there is none
  child, pid = uv.spawn(command[1], {
    args = args,
    stdio = { nil, 2, 2, plan_pipe, mistake_pipe },
  }, function(code, signal)
    result.code, result.signal = code, signal
    uv.close(timer)
    uv.close(child)
  end)
  if not child then
    for _, handle in ipairs { timer, plan_pipe, mistake_pipe } do
      uv.close(handle)
    end
    uv.run()
    return nil, ('evaluation cannot start %s: %s'):format(command[1], tostring(pid))
  end
  uv.timer_start(timer, options.wall * 1000, 0, function()
    result.late = true
    family.kill_tree(uv, pid) -- with all that it has started
  end)
  read_all(plan_pipe, plan_parts)
  read_all(mistake_pipe, mistake_parts)
  uv.run()
  result.plan, result.mistakes = table.concat(plan_parts), table.concat(mistake_parts)
  return result
end

--- Evaluates a script in a process of its own, with limits.
--- @param file string
--- @param options? { cpu?: number, memory?: number, wall?: number, command?: string[] }
---   command: what understands __evaluate; without it: this program
--- @return string? bytes the plan's
--- @return runsmith.Mistake[]? mistakes
function M.spawn(file, options)
  local given = options or {}
  local limits = { cpu = given.cpu or M.CPU, memory = given.memory or M.MEMORY }
  limits.wall = given.wall or limits.cpu * WALL_FACTOR
  local result, why = run_process(file, limits, given.command or { '/proc/self/exe' })
  if not result then return nil, { mistake(file, { message = why }) } end
  if result.code == 0 and result.signal == 0 and result.plan ~= '' then
    return result.plan
  end
  local mistakes = {}
  for line in result.mistakes:gmatch '[^\n]+' do
    local ok, item = pcall(json.decode, line)
    if ok then mistakes[#mistakes + 1] = item end
  end
  if #mistakes == 0 then
    mistakes[1] = mistake(file, { message = end_of(result, limits) })
  end
  return nil, mistakes
end

return M
