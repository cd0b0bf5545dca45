// The live picture, with what the inspector has found drawn over it.

const WIDTH = 480, HEIGHT = 240, SCALE = 2, STEP = 8; // STEP: pixels the belt moves
const STALE = 1200; // ms
const CROPS = 12, CROP = 100;
const by = id => document.getElementById(id);

export class Screen {
  constructor() {
    this.context = by('live').getContext('2d');
    this.raw = document.createElement('canvas');
    this.raw.width = WIDTH;
    this.raw.height = HEIGHT;
    this.pixels = this.raw.getContext('2d').createImageData(WIDTH, HEIGHT);
    this.times = [];
    this.counts = {};
    setInterval(() => this.grow_stale(), 250);
  }

  show(base64, number) {
    const bytes = atob(base64), data = this.pixels.data;
    for (let i = 0, at = 0; i < bytes.length; i++, at += 4) {
      const grey = bytes.charCodeAt(i);
      data[at] = grey * 0.96;
      data[at + 1] = grey;
      data[at + 2] = grey * 1.04 + 4;
      data[at + 3] = 255;
    }
    this.raw.getContext('2d').putImageData(this.pixels, 0, 0);
    this.number = number;
    this.times.push(Date.now());
    if (this.times.length > 16) this.times.shift();
    this.paint();
  }

  judge(verdict) {
    this.verdict = verdict;
    this.judged = Date.now();
    verdict.passed.filter(part => part.defect).forEach(part => this.crop(part, verdict));
    this.figures(verdict.tally);
  }

  paint() {
    const context = this.context;
    context.imageSmoothingQuality = 'high';
    context.drawImage(this.raw, 0, 0, WIDTH * SCALE, HEIGHT * SCALE);
    this.gauge();
    if (this.verdict && Date.now() - this.judged < 1000) this.boxes();
    const times = this.times, last = times.length - 1;
    const fps = last > 0 ? last * 1000 / (times[last] - times[0]) : 0;
    by('fps').textContent = `${fps.toFixed(1)} pictures/s`;
    by('number').textContent = `#${this.number}`;
    by('stale').hidden = true;
    by('live').dataset.number = this.number;
  }

  gauge() {
    const context = this.context;
    context.strokeStyle = '#58a8ff66';
    context.setLineDash([8, 8]);
    context.lineWidth = 2;
    context.beginPath();
    context.moveTo(WIDTH * SCALE / 2, 48);
    context.lineTo(WIDTH * SCALE / 2, HEIGHT * SCALE - 48);
    context.stroke();
    context.setLineDash([]);
  }

  // The verdict may be about a picture before or after the one that is shown.
  boxes() {
    const context = this.context, moved = (this.number - this.verdict.number) * STEP;
    context.lineWidth = 3;
    context.font = '600 22px system-ui, sans-serif';
    for (const part of this.verdict.parts) {
      const x = (part.x + moved - part.width / 2 - 5) * SCALE;
      const y = (part.y - part.height / 2 - 5) * SCALE;
      context.strokeStyle = context.fillStyle = part.defect ? '#ff6259' : '#43c788';
      context.strokeRect(x, y, (part.width + 10) * SCALE, (part.height + 10) * SCALE);
      if (part.defect) context.fillText(part.defect, x, y - 8);
    }
  }

  crop(part, verdict) {
    if (!this.number) return;
    const figure = document.createElement('figure');
    const canvas = document.createElement('canvas');
    const caption = document.createElement('figcaption');
    const x = part.x + (this.number - verdict.number) * STEP;
    canvas.width = canvas.height = CROP;
    canvas.getContext('2d').drawImage(this.raw, x - CROP / 2, part.y - CROP / 2, CROP,
      CROP, 0, 0, CROP, CROP);
    caption.textContent = part.defect;
    figure.append(canvas, caption);
    by('crops').querySelector('p')?.remove();
    by('crops').prepend(figure);
    while (by('crops').children.length > CROPS) by('crops').lastChild.remove();
  }

  figures(tally) {
    Object.assign(this.counts, { good: 0, cracked: 0, chipped: 0, blind: 0, small: 0 });
    Object.assign(this.counts, tally);
    this.fill();
  }

  // What the keeper says of the database.
  stored(chore) {
    this.store = chore;
    this.fill();
  }

  fill() {
    const rows = Object.entries(this.counts).map(([name, count]) =>
      [count, name, name === 'good' ? 'good' : 'ill']);
    if (this.store) {
      rows.push([this.store.washers, 'washers stored', '']);
      rows.push([this.store.frames, 'frames stored', '']);
      rows.push([`${(this.store.bytes / 1024).toFixed(0)} K`, 'database', '']);
    }
    const boxes = rows.map(([value, label, kind]) => {
      const box = document.createElement('div');
      box.className = kind;
      box.append(Object.assign(document.createElement('b'), { textContent: value }),
        Object.assign(document.createElement('span'), { textContent: label }));
      return box;
    });
    by('tally').replaceChildren(...boxes);
  }

  grow_stale() {
    const last = this.times[this.times.length - 1];
    const age = last ? Date.now() - last : Infinity;
    if (age < STALE) return;
    by('stale').hidden = false;
    by('stale').textContent =
      last ? `no picture for ${(age / 1000).toFixed(1)} s` : 'no picture yet';
    by('fps').textContent = '0 pictures/s';
  }
}
