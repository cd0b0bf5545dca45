--- Every field of a tree script, by kind of unit: name, type, default, what it means.
--- The check, the editor's types and the reference come from here.
local account = require 'runsmith.account'
local describe = require 'runsmith.describe'
local suggest = require 'runsmith.suggest'
local types = require 'runsmith.types'

local M = {}

local t = types
local POSITIVE = t.seconds { above = 0 }
local ARGV = t.argv
local NAMES = t.list(t.string, "a list of siblings' names")
local PROBE = t.made('rs.probe', function(v) return describe.kind(v) == 'probe' end)

M.INTENSITY_MAX = 1000000
M.INTENSITY = {
  { 'max', t.integer(0, M.INTENSITY_MAX), 3, 'restarts that succeed ...' },
  { 'within', POSITIVE, 5, '... in any so many seconds; math.huge: for life' },
}
M.BACKOFF = {
  { 'first', POSITIVE, nil, 'seconds that the first restart waits' },
  { 'factor', t.number(1, 1000), 2, 'by which each further one waits longer' },
  { 'max', POSITIVE, 60, 'seconds that a restart waits at most' },
  { 'jitter', t.number(0, 1), 0, 'part of the wait that is left to chance' },
  { 'reset', POSITIVE, 60, 'seconds ready after which it begins again with first' },
}
M.LIMITS = {
  { 'memory', t.size, nil, 'address space' },
  { 'cpu_time', POSITIVE, nil, 'seconds of processor time' },
  { 'open_files', t.integer(1, 2 ^ 31), nil, 'descriptors' },
  { 'processes', t.integer(1, 2 ^ 31), nil, 'processes of its user' },
}

local LIMITS = t.record(M.LIMITS)
local ID = t.either('a name or a number', {
  { 'string', t.string },
  { 'number', t.integer(0, 2 ^ 32 - 2) },
})

-- A name that this machine must know.
local function known(what)
  return {
    says = ID.says,
    lua = ID.lua,
    check = function(value, name, wrong)
      ID.check(value, name, wrong)
      if type(value) ~= 'string' or account[what](value) then return end
      wrong(('%s is %s: there is no such %s here'):format(name, t.show(value), what))
    end,
  }
end
local ENV = {
  says = 'a table of NAME = value (false removes one)',
  lua = 'table<string, string|number|false>',
  check = function(value, name, wrong)
    if type(value) ~= 'table' then
      return wrong(
        ('%s is %s; it must be a table of NAME = value'):format(name, t.show(value))
      )
    end
    for key, item in pairs(value) do
      if type(key) ~= 'string' or not key:find '^[^=%z]+$' then
        wrong(
          ('%s has the key %s; it must be a name without ='):format(name, t.show(key))
        )
      elseif type(item) == 'string' and item:find '%z' then
        wrong(('%s.%s has a NUL in it'):format(name, key))
      elseif type(item) ~= 'string' and type(item) ~= 'number' and item ~= false then
        wrong(
          ('%s.%s is %s; it must be a string, a number, or false to remove it'):format(
            name,
            key,
            t.show(item)
          )
        )
      end
    end
  end,
}
local UMASK = {
  says = "an octal string such as '022'",
  lua = 'string|integer',
  check = function(value, name, wrong)
    local text = type(value) == 'string' and value:match '^0?[0-7][0-7]?[0-7]?$'
    local number = type(value) == 'number'
      and value % 1 == 0
      and value >= 0
      and value <= 511
    if text or number then return end
    wrong(
      ("%s is %s; it must be an octal string such as '022'"):format(name, t.show(value))
    )
  end,
}

--- Those of a process of its own.
local PROCESS = {
  { 'limits', LIMITS, nil, 'of its process' },
  { 'user', known 'user', nil, 'who it runs as' },
  { 'group', known 'group', nil, 'who it runs as' },
  { 'cwd', t.string, nil, 'the folder it runs in' },
  { 'env', ENV, nil, "added to the host's environment; false removes one" },
  { 'umask', UMASK, nil, 'of the files that it makes' },
  { 'nice', t.integer(-20, 19), nil, 'its priority' },
  {
    'oom_score_adj',
    t.integer(-1000, 1000),
    nil,
    'how likely memory is taken from it',
  },
  { 'no_new_privs', t.boolean, false, 'nothing that it runs gains privileges' },
}

local CHILD = {
  {
    'restart',
    t.enum('transient', 'permanent', 'temporary'),
    'transient',
    'when it failed; whenever it ended; never',
  },
  { 'after', NAMES, nil, 'siblings that must be ready before it starts' },
  { 'launch', POSITIVE, 10, 'seconds until it must be up' },
  { 'probes', t.list(PROBE, 'a list of probes'), nil, 'rules that watch it' },
  {
    'significant',
    t.boolean,
    false,
    "its end counts for its supervisor's auto_shutdown",
  },
}

local function shutdown(default)
  return {
    'shutdown',
    t.seconds { words = { 'kill', 'forever' } },
    default,
    'seconds from the stop request until it is killed',
  }
end

local SUPERVISOR = {
  {
    'strategy',
    t.enum('one_for_one', 'one_for_all', 'rest_for_one'),
    'one_for_one',
    'whom the failure of one child restarts',
  },
  { 'intensity', t.record(M.INTENSITY), nil, 'how many restarts in how many seconds' },
  { 'backoff', t.record(M.BACKOFF, { 'first' }), nil, 'how long a restart waits' },
  {
    'auto_shutdown',
    t.enum('never', 'any_significant', 'all_significant'),
    'never',
    'which ends of significant children end it',
  },
  { 'isolate', t.boolean, false, 'a fault domain of its own' },
  { 'vms', t.integer(1, 1023), 1, "VMs for its fault domain's coroutine workers" },
  { 'ordered', t.boolean, false, 'children start and stop one after another' },
  { 'stall', POSITIVE, 2, 'seconds that a worker may run in a shared VM' },
  { 'journal', t.enum('full', 'brief'), 'full', 'how much is written of its units' },
  { 'on_activity', t.func, nil, 'called with each journal entry from below' },
  {
    'pool',
    t.made('rs.worker {…} or rs.command {…} without a name', function(v)
      local kind = describe.kind(v)
      return kind == 'worker' or kind == 'command'
    end),
    nil,
    'a template of units that are added while it runs',
  },
  shutdown 'forever',
}

local WORKER = {
  {
    'run',
    t.either("a module's name, worker.define {…} or a function", {
      { 'string', t.string },
      { 'function', t.func },
      { 'table', t.table },
    }),
    nil,
    'the work',
  },
  {
    'backend',
    t.string,
    'coroutine',
    "'coroutine', 'thread', 'process' or a custom one",
  },
  { 'lifecycle', t.table, nil, "other timeouts, by state's name" },
  { 'stall', POSITIVE, nil, 'seconds that it may run without a wait or a heartbeat' },
  { 'intensity', t.record(M.INTENSITY), nil, 'a limit for this child alone' },
  { 'args', t.any, nil, 'plain data handed to it' },
  shutdown(5),
}

local STEP = {
  says = '{ exec, timeout = 10 }',
  lua = 'table',
  check = function(value, name, wrong)
    if type(value) ~= 'table' then
      return wrong(
        ('%s is %s; it must be { exec, timeout = 10 }'):format(name, t.show(value))
      )
    end
    ARGV.check(M.step_argv(value), name, wrong)
    for key, item in pairs(value) do
      if key == 'timeout' then
        POSITIVE.check(item, name .. '.timeout', wrong)
      elseif type(key) == 'string' and key ~= 'exec' then
        wrong(
          ("%s has no field '%s': %s"):format(
            name,
            key,
            suggest.hint(key, { 'exec', 'timeout' })
          )
        )
      end
    end
  end,
}

local READY_SAYS = "a probe, 'notify' or { fd = 3 }"
local READY = t.either(READY_SAYS, {
  { 'string', t.words({ 'notify' }, READY_SAYS) },
  {
    'table',
    {
      says = '{ fd = 3 }',
      lua = 'table',
      check = function(value, name, wrong)
        if describe.kind(value) == 'probe' then return end
        local fd = t.record({ { 'fd', t.integer(3, 1023) } }, { 'fd' })
        fd.check(value, name, wrong)
      end,
    },
  },
})

local OUTPUT_SAYS = "'journal', 'inherit' or { path, max = '10M', keep = 5 }"
local OUTPUT = t.either(OUTPUT_SAYS, {
  { 'string', t.words({ 'journal', 'inherit' }, OUTPUT_SAYS) },
  {
    'table',
    t.record({
      { 1, t.string, nil, 'the file' },
      { 'max', t.size, '10M', 'bytes a file' },
      { 'keep', t.integer(1, 1000), 5, 'files that are kept' },
    }, { 1 }, "a table { path, max = '10M', keep = 5 }"),
  },
})

local COMMAND = {
  { 'exec', ARGV, nil, 'program and arguments; no shell' },
  { 'ready', READY, nil, 'when it counts as ready; without it: once started' },
  { 'pre', STEP, nil, 'run before it' },
  { 'post', STEP, nil, 'run after it' },
  { 'stop', t.signal, 'TERM', 'asks it to stop' },
  { 'reload', t.signal, nil, 'sent when only `files` changed' },
  { 'files', t.list(t.string, 'a list of paths'), nil, 'what `reload` is for' },
  { 'output', OUTPUT, 'journal', 'where its lines go' },
  {
    'output_rate',
    t.record {
      { 'lines', t.integer(1, 1e9), 1000, 'lines ...' },
      { 'within', POSITIVE, 1, '... in so many seconds' },
    },
    nil,
    'more than that is counted, not kept',
  },
  { 'heartbeat', POSITIVE, nil, 'longest silence of WATCHDOG=1' },
  { 'intensity', t.record(M.INTENSITY), nil, 'a limit for this child alone' },
  shutdown(5),
}

M.CHANNEL = {
  { 'capacity', t.integer(1, 2 ^ 24), 1024, 'items that wait' },
  {
    'overflow',
    t.enum('block', 'drop_oldest', 'error'),
    'block',
    'what a full one does',
  },
  {
    'attempts',
    t.integer(1, 1e6),
    nil,
    'deliveries of an item, then `rejects` has it',
  },
  { 'rejects', t.string, nil, 'a channel' },
  { 'durable', t.string, nil, "a path: items outlive the host's death" },
}

M.BACKEND = {
  { 'start', t.func, nil, 'function(unit) return handle end', true },
  { 'stop', t.func, nil, 'function(unit, handle)', true },
  { 'kill', t.func, nil, 'function(unit, handle)', true },
  {
    'wait',
    t.func,
    nil,
    "function(unit, handle) return 'ok'|'error', reason end",
    true,
  },
}

local function index(...)
  local by_name = {}
  for _, list in ipairs { ... } do
    for _, field in ipairs(list) do
      by_name[field[1]] = { type = field[2], default = field[3], doc = field[4] }
    end
  end
  return by_name
end

--- By kind of unit, by name: type, default, doc.
M.of = {
  supervisor = index(PROCESS, CHILD, SUPERVISOR),
  worker = index(PROCESS, CHILD, WORKER),
  command = index(PROCESS, CHILD, COMMAND),
  channel = index(M.CHANNEL),
  backend = index(M.BACKEND),
}
M.PROCESS = index(PROCESS)

--- The program and arguments of `pre` or `post`, however they were written.
--- @param step table
--- @return string[]
function M.step_argv(step)
  if step.exec then return step.exec end
  if type(step[1]) == 'table' then return step[1] end
  local argv = {}
  for i, item in ipairs(step) do
    argv[i] = item
  end
  return argv
end

return M
