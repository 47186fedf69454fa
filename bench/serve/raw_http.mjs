// HTTP by hand, for clients that break its rules.
import {connect} from 'node:net';

/// A connection that notes all it receives. Never throws: errors are ends.
export class RawConnection {
  constructor({host, port}) {
    this.received = '';
    this.isEnded = false;
    this.waiters = [];
    this.socket = connect({host, port: Number(port)});
    this.socket.setNoDelay(true);
    this.socket.on('data', (bytes) => this.note(bytes.toString('latin1')));
    this.socket.on('connect', () => this.note(''));
    for (const event of ['end', 'error', 'close']) {
      this.socket.on(event, () => {
        this.isEnded = true;
        this.note('');
      });
    }
  }

  note(text) {
    this.received += text;
    for (const waiter of this.waiters.splice(0)) {
      waiter();
    }
  }

  /// Waits until `holds`, the end, or the time; true if it holds.
  async until(holds, seconds) {
    const end = Date.now() + seconds * 1000;
    while (!holds() && !this.isEnded && Date.now() < end) {
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, end - Date.now());
        this.waiters.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
    return holds();
  }

  isConnected(seconds = 20) {
    return this.until(() => this.socket.readyState === 'open', seconds);
  }

  /// Resolves when the socket has taken the bytes, or has ended.
  send(bytes) {
    return new Promise((resolve) => {
      if (this.isEnded || this.socket.destroyed) {
        resolve(false);
        return;
      }
      const waiter = () => (this.isEnded ? resolve(false) : this.waiters.push(waiter));
      this.waiters.push(waiter);
      this.socket.write(bytes, () => resolve(!this.isEnded));
    });
  }

  /// The status of the first response; 0 without one.
  get status() {
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(this.received)?.[1] ?? 0);
  }

  waitForStatus(seconds) {
    return this.until(() => this.status > 0, seconds).then(() => this.status);
  }

  destroy() {
    this.socket.destroy();
  }
}

/// The head of a POST of JSON.
export function postHead(path, headers) {
  const lines = Object.entries({'Host': 'localhost', 'Content-Type': 'application/json', ...headers})
                    .map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

export function post(path, body, headers) {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
  return Buffer.concat(
      [Buffer.from(postHead(path, {'Content-Length': bytes.length, ...headers})), bytes]);
}
