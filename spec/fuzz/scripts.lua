-- scripts.lua -- tree scripts that are nearly right: `check` takes each or says what is
-- wrong with it, by file; it never crashes and never blames its own code.
--   luajit spec/fuzz/scripts.lua RUNS [SEED]
-- Those that break it are named by their seed, which makes them again.

local posix = require 'host.support.posix'
local random = require 'host.support.random'
local tree_maker = require 'host.support.tree_maker'

local PROGRAM = os.getenv 'RUNSMITH' or 'build/release/runsmith'
local RUNS, SEED = tonumber(arg[1] or 500), tonumber(arg[2] or os.time())

local VALUES = {
  'nil', '0', '-1', '1e309', '0/0', '2^53', "''", "'a b'", "'\\0'", '{}', '{ {} }',
  'true', 'function() end', 'print', 'math.huge', "('x'):rep(300)", '1.5', 'rs',
  'coroutine.create(print)', "{ [1.5] = 2 }", "setmetatable({}, { __index = error })",
  "io.stdout", "'*'", "'../x'",
  "rs.probe.tcp { port = 1 }", "rs.worker 'v' { run = 'beat' }", "rs.supervisor 's' {}",
  'function(unit) return unit end', "'process'", "{ max = 1 }", "{ 'u', 'v' }",
}
local FIELDS = {
  'strategy', 'intensity', 'backoff', 'auto_shutdown', 'isolate', 'vms', 'ordered',
  'stall', 'limits', 'journal', 'on_activity', 'pool', 'restart', 'after', 'shutdown',
  'launch', 'probes', 'significant', 'args', 'user', 'group', 'cwd', 'env', 'umask',
  'nice', 'run', 'backend', 'lifecycle', 'exec', 'ready', 'pre', 'post', 'stop',
  'reload', 'files',
  'output', 'output_rate', 'heartbeat', 'nonsense', 'oom_score_adj', 'no_new_privs',
}

local function cut(chance, text)
  local a = chance:below(#text) + 1
  return a, math.min(#text, a + chance:below(12))
end

-- Each gives the text another form.
local MUTATIONS = {
  function(chance, text) -- a field more
    local holes = {}
    for at in text:gmatch '(){ ' do
      holes[#holes + 1] = at
    end
    if #holes == 0 then return text end
    local at = chance:pick(holes)
    return ('%s %s = %s, %s'):format(text:sub(1, at), chance:pick(FIELDS),
      chance:pick(VALUES), text:sub(at + 1))
  end,
  function(chance, text) -- another value
    local values = {}
    for from, to in text:gmatch '= ()[%w\'{}_ ]-(),' do
      values[#values + 1] = { from, to }
    end
    if #values == 0 then return text end
    local at = chance:pick(values)
    return text:sub(1, at[1] - 1) .. chance:pick(VALUES) .. text:sub(at[2])
  end,
  function(chance, text) -- a line twice, or not at all
    local lines = {}
    for line in text:gmatch '[^\n]*\n' do
      lines[#lines + 1] = line
    end
    local i = chance:below(#lines) + 1
    lines[i] = chance:chance(50) and '' or lines[i] .. lines[i]
    return table.concat(lines)
  end,
  function(chance, text) -- some bytes less
    local a, b = cut(chance, text)
    return text:sub(1, a - 1) .. text:sub(b + 1)
  end,
  function(chance, text) -- a byte more
    local a = cut(chance, text)
    return text:sub(1, a) .. string.char(chance:below(256)) .. text:sub(a + 1)
  end,
  function(chance, text) -- something in another place
    local a, b = cut(chance, text)
    local at = cut(chance, text)
    return text:sub(1, at) .. text:sub(a, b) .. text:sub(at + 1)
  end,
}

local function write(path, text)
  local file = assert(io.open(path, 'wb'))
  file:write(text)
  file:close()
end

-- Why the program's answer is not as it should be; nil.
local function judge(status, said)
  if status ~= 0 and status ~= 256 then return 'wait status ' .. status end
  if said:find 'stack traceback' then return 'a traceback' end
  if said:find 'evaluation crashed' then return 'the evaluation crashed' end
  if status == 0 then return nil end
  for line in said:gmatch '[^\n]+' do
    local ours = line:find '^[^:]*runsmith/[%w_]+%.lua:'
    if line:find '^%S-%.lua' and not ours then return nil end
  end
  return 'no mistake is named'
end

local function try(dir, seed)
  local chance = random.new(seed)
  local files = tree_maker.files(tree_maker.new(chance))
  local text = files['tree.lua']
  for _ = 1, 1 + chance:below(4) do
    text = chance:pick(MUTATIONS)(chance, text)
  end
  files['tree.lua'] = text
  for name, body in pairs(files) do
    write(dir .. '/' .. name, body)
  end
  local command = "cd '%s' && timeout 60 '%s' check tree.lua >out 2>&1 </dev/null"
  local status = os.execute(command:format(dir, PROGRAM))
  local said = posix.slurp(dir .. '/out')
  return judge(status, said), said, status == 0
end

local dir, failed, well = posix.scratch(), 0, 0
if PROGRAM:sub(1, 1) ~= '/' then PROGRAM = require('luv').cwd() .. '/' .. PROGRAM end
for seed = SEED, SEED + RUNS - 1 do
  local why, said, ok = try(dir, seed)
  if ok then well = well + 1 end
  if why then
    failed = failed + 1
    print(('seed %d: %s\n%s'):format(seed, why, said:sub(1, 600)))
  end
end
os.execute(("rm -rf '%s'"):format(dir))
print(('%d scripts from seed %d: %d were taken, %d broke the rules'):format(
  RUNS, SEED, well, failed))
os.exit(failed == 0 and 0 or 1)
