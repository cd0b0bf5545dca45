// The plant's page: draws what the events say, sends what is pressed.

import { Screen } from './screen.js';

const UNITS = ['camera', 'inspector', 'recorder', 'keeper', 'onvif', 'web'];
const LATE = 2500; // ms without news after which the page itself says so
const SAMPLES = 60, ENTRIES = 120;
const by = id => document.getElementById(id);

const cards = {}, samples = {}, seen = {}, shown = {};
const screen = new Screen();
let heard = 0;

function listen(url, on) {
  const source = new EventSource(url);
  for (const [name, each] of Object.entries(on))
    source.addEventListener(name, event => each(event.data, event.lastEventId));
  source.onerror = () => {
    // It comes back by itself, but not after an answer that is no stream.
    if (source.readyState !== EventSource.CLOSED) return;
    setTimeout(() => listen(url, on), 500);
  };
}

function toast(text) {
  by('toast').textContent = text;
  by('toast').hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { by('toast').hidden = true; }, 5000);
}

async function post(path) {
  try {
    const answer = await fetch(path, { method: 'POST', headers: { 'x-plant': '1' } });
    if (!answer.ok) toast(`${answer.status}: ${(await answer.text()).trim()}`);
    return answer.ok;
  } catch {
    toast('The web unit does not answer.');
    return false;
  }
}

function span(seconds) {
  if (seconds === undefined) return '–';
  if (seconds < 60) return `${seconds.toFixed(0)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// ── units ──────────────────────────────────────────────────────────────────

function faultButton(fault) {
  const box = document.createElement('span');
  box.className = 'fault';
  box.dataset.fault = fault.name;
  box.title = fault.note;
  const once = document.createElement('button');
  once.textContent = fault.label;
  const stay = document.createElement('button');
  stay.textContent = '∞';
  stay.title = 'again and again, until it is switched off';
  const send = async (how, text) => {
    if (await post(`/faults/${fault.name}/${how}`)) toast(text);
  };
  const what = `${fault.unit}: ${fault.label}`;
  once.onclick = () => send('once', `${what} — ${fault.note}`);
  stay.onclick = () => box.classList.contains('on')
    ? send('off', `${what}: off`) : send('on', `${what}, again and again`);
  box.append(once, stay);
  return box;
}

function makeCard(name, faults) {
  const card = by('card').content.firstElementChild.cloneNode(true);
  card.dataset.unit = name;
  card.querySelector('h3').textContent = name;
  const of = faults.filter(fault => fault.unit === name).map(faultButton);
  card.querySelector('.faults').append(...of);
  for (const button of card.querySelectorAll('[data-order]'))
    button.onclick = () => post(`/order/${button.dataset.order}/${card.dataset.path}`);
  by('units').append(card);
  cards[name] = card;
  samples[name] = [];
}

function spark(card, list) {
  const top = Math.max(1, ...list) * 1.15;
  const points = list.map((rate, i) => {
    const x = 120 - (list.length - 1 - i) * 120 / (SAMPLES - 1);
    return `${x.toFixed(1)},${(30 - 28 * rate / top).toFixed(1)}`;
  });
  card.querySelector('polyline').setAttribute('points', points.join(' '));
}

function showUnit(unit) {
  const card = cards[unit.name], list = samples[unit.name];
  if (!card) return;
  card.dataset.path = unit.path;
  card.className = `unit ${unit.health}`;
  if (seen[unit.name] !== undefined && seen[unit.name] !== unit.incarnation)
    card.freshUntil = Date.now() + 1500;
  seen[unit.name] = unit.incarnation;
  card.classList.toggle('fresh', Date.now() < (card.freshUntil ?? 0));
  card.querySelector('.backend').textContent = unit.backend ?? unit.kind;
  card.querySelector('.state').textContent =
    unit.health === 'healthy' ? unit.state : `${unit.health} · ${unit.state ?? 'down'}`;
  const rate = unit.rate ?? 0;
  list.push(rate);
  if (list.length > SAMPLES) list.shift();
  card.querySelector('.rate').innerHTML = `${rate.toFixed(1)}<small> /s</small>`;
  card.querySelector('.what').textContent = unit.what ?? '';
  spark(card, list);
  const sick = (unit.probes ?? []).filter(probe => probe.verdict === 'dead')
    .map(probe => `${probe.name ?? probe.probe}: ${probe.detail ?? 'dead'}`);
  const facts = card.querySelector('.facts');
  facts.textContent = `pid ${unit.pid ?? '–'} · up ${span(unit.uptime)} · `
    + `restarts ${unit.restarts ?? 0}`;
  if (sick.length) {
    const em = document.createElement('em');
    em.textContent = ` · ${sick.join(', ')}`;
    facts.append(em);
  }
}

function showState(state) {
  heard = Date.now();
  state.units.forEach(showUnit);
  const well = state.units.filter(unit => unit.health === 'healthy').length;
  const restarts = state.units.reduce((sum, unit) => sum + (unit.restarts ?? 0), 0);
  by('lamp').className = `lamp ${well === state.units.length ? 'good' : 'bad'}`;
  by('summary').textContent = `${well} of ${state.units.length} units healthy · `
    + `up ${span(state.uptime)} · ${restarts} restart${restarts === 1 ? '' : 's'}`;
  for (const box of document.querySelectorAll('[data-fault]')) {
    const how = state.faults[box.dataset.fault];
    box.className = `fault ${how ?? ''}`;
  }
  if (state.chore) screen.stored(state.chore);
}

// Nobody else can tell that the web unit itself is silent.
function watchWeb() {
  if (!heard || Date.now() - heard < LATE) return;
  by('lamp').className = 'lamp bad';
  by('summary').textContent =
    `the web unit has been silent for ${((Date.now() - heard) / 1000).toFixed(0)} s`;
  const card = cards.web;
  if (!card) return;
  card.className = 'unit gone';
  card.querySelector('.state').textContent = 'silent';
}

// ── journal ────────────────────────────────────────────────────────────────

// The first line of a traceback that says where.
const place = where => where?.split('\n').find(line => !line.startsWith('stack'))?.trim();

const wording = {
  started: e => [e.backend, e.pid && `pid ${e.pid}`, e.data && 'with data'],
  transition: e => [e.from && `${e.from} →`, e.to, e.event && `(${e.event})`],
  violation: e => [e.constraint, e.state && `in ${e.state}`,
    e.limit > 0 && `limit ${e.limit} s`, place(e.where)],
  exited: e => [e.signal ?? e.reason, e.status > 0 && `status ${e.status}`,
    e.detail?.split('\n')[0], place(e.where)],
  killed: e => [e.why],
  restart: e => [e.why, e.delay > 0 && `in ${e.delay.toFixed(1)} s`],
  collateral: e => [`of ${e.culprit}`],
  probe: e => [e.probe, e.verdict, e.detail],
  log: e => [e.text, e.fields && pairs(e.fields)],
  reload: e => [`${e.added} added, ${e.removed} removed, ${e.changed} changed`],
  escalated: e => [`more than ${e.max} in ${e.within} s`],
  stop: e => [e.by && `by ${e.by}`], start: e => [e.by && `by ${e.by}`],
};

function pairs(fields) {
  return Object.entries(fields).map(([name, value]) => `${name}=${value}`).join(' ');
}

function showEntry(entry) {
  if (entry.boot === shown.boot && entry.seq <= shown.seq) return;
  Object.assign(shown, { boot: entry.boot, seq: entry.seq });
  const list = by('journal'), item = document.createElement('li');
  item.className = entry.kind;
  const time = document.createElement('time');
  time.textContent = new Date(entry.time).toLocaleTimeString([], { hour12: false });
  const who = document.createElement('b');
  who.textContent = (entry.unit ?? 'host').split('/').pop();
  const words = (wording[entry.kind]?.(entry) ?? []).filter(Boolean).join(' ');
  const text = document.createElement('span');
  text.textContent = `${entry.kind}${words ? ': ' + words : ''}`;
  item.append(time, who, text);
  const atEnd = list.scrollTop + list.clientHeight > list.scrollHeight - 40;
  list.append(item);
  while (list.children.length > ENTRIES) list.firstChild.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

// ── all of it ──────────────────────────────────────────────────────────────

async function get(path) {
  for (;;) {
    try {
      return await (await fetch(path)).json();
    } catch {
      await new Promise(go => setTimeout(go, 500));
    }
  }
}

const faults = await get('/faults');
for (const name of UNITS) makeCard(name, faults);
by('all').onchange = () => by('journal').classList.toggle('all', by('all').checked);
for (const entry of await get('/journal')) showEntry(entry);
listen('/events', {
  state: data => showState(JSON.parse(data)),
  verdict: data => screen.judge(JSON.parse(data)),
  journal: data => showEntry(JSON.parse(data)),
});
listen('/pictures', { message: (data, id) => screen.show(data, Number(id)) });
setInterval(watchWeb, 500);
