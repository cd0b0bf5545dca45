-- A stage that dies at any of its steps, and the next that goes on: each file is handed
-- on once. No process and no time in here; a death is an error from the file functions.

local assert = require 'luassert'
local posix = require 'host.posix'

local HERE = 'examples/etl/'
local DEATH = {}

-- The stage with everything around it replaced; dies at the `fatal`-th file operation.
local function load_stage(fatal)
  local folders, count = dofile(HERE .. 'folders.lua'), 0
  local mortal = {}
  for name, operation in pairs(folders) do
    mortal[name] = function(...)
      count = count + 1
      if count == fatal then error(DEATH) end
      return operation(...)
    end
  end
  mortal.make = folders.make
  local kept = {}
  local stubs = {
    folders = mortal,
    ['std.log'] = { info = function() end, warn = function() end },
    ['std.time'] = { sleep = function() end },
    ['runsmith.worker'] = { define = function(definition) return definition end },
  }
  for name, stub in pairs(stubs) do
    kept[name] = package.loaded[name]
    package.loaded[name] = stub
  end
  local stage = dofile(HERE .. 'stage.lua')
  for name in pairs(stubs) do
    package.loaded[name] = kept[name]
  end
  return stage
end

-- One incarnation; true if it lived to the end.
local function live(dir, fatal, handed_on)
  local definition = load_stage(fatal).define {
    from = 'from', own = 'own', to = 'to', said = 'done',
    work = function(text)
      if text == 'bad' then error 'not understood' end
      return text:upper()
    end,
  }
  local ctx = { args = { dir = dir, pace = 0 }, heartbeat = function() end }
  local self = {}
  local done, err = pcall(function()
    definition.recovering(self, ctx)
    definition.watching(self, ctx)
  end)
  if not done and err ~= DEATH then error(err) end
  for _, name in ipairs(posix.list(dir .. '/to')) do -- a consumer takes it at once
    handed_on[name] = (handed_on[name] or 0) + 1
    os.remove(dir .. '/to/' .. name)
  end
  return done
end

describe('a stage of etl', function()
  local dir

  before_each(function()
    dir = posix.scratch()
    os.execute(("mkdir '%s/from'"):format(dir))
  end)
  after_each(function() os.execute(("rm -rf '%s'"):format(dir)) end)

  local function drop(name, text)
    local file = assert(io.open(dir .. '/from/' .. name, 'w'))
    file:write(text)
    file:close()
  end

  it('hands each file on once, whichever step it dies at', function()
    local fatal, lived = 0, false
    while not lived do
      fatal = fatal + 1
      drop('a', 'one')
      drop('b', 'bad')
      drop('c', 'two')
      local handed_on = {}
      lived = live(dir, fatal, handed_on)
      if not lived then assert.is_true(live(dir, nil, handed_on)) end
      assert.same({ a = 1, c = 1 }, handed_on, 'died at step ' .. fatal)
      assert.same({ 'b' }, posix.list(dir .. '/rejected'))
      assert.same({}, posix.list(dir .. '/from'))
      assert.same({}, posix.list(dir .. '/own'))
      os.remove(dir .. '/rejected/b')
    end
    assert.is_true(fatal > 10)
  end)

  it('leaves the file that a writer has not finished to its writer', function()
    drop('a.part', 'half')
    local handed_on = {}
    live(dir, nil, handed_on)
    assert.same({}, handed_on)
  end)
end)
