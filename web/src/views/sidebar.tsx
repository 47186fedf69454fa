// The list of conversations.
import { useEffect, useRef, useState } from 'preact/hooks';
import { exportAs, remove, rename, search, show } from '../app/library';
import { apiKey, balance, conversations, currentId, dialog, isUnfinished, messages, theme } from '../app/state';
import type { Conversation } from '../chat/types';
import { dayGroup } from './format';
import { themeIcons, themeNames, toggleTheme } from './header';
import { Bolt, Icon, IconButton } from './icons';
import { isComposing } from './keys';

function RenameField({ conversation, onDone }: { conversation: Conversation; onDone: () => void }) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.select(), []);
  return (
    <form
      class="rename"
      onSubmit={(event) => {
        event.preventDefault();
        void rename(conversation, field.current?.value ?? '');
        onDone();
      }}
    >
      <input
        ref={field}
        aria-label="Name of the conversation"
        defaultValue={conversation.title}
        onBlur={onDone}
        onKeyDown={(event) => {
          if (event.key === 'Escape' && !isComposing(event)) {
            event.stopPropagation();
            onDone();
          }
        }}
      />
    </form>
  );
}

interface ItemProps {
  conversation: Conversation;
}

function ItemMenu({ conversation, onRename, onClose }: ItemProps & { onRename: () => void; onClose: () => void }) {
  const [isSure, setSure] = useState(false);
  return (
    <div class="item-menu">
      <button type="button" onClick={onRename}>
        <Icon name="edit" /> Rename
      </button>
      <button
        type="button"
        onClick={() => {
          void exportAs(conversation.title.replace(/[^\p{L}\p{N} _-]/gu, '') || 'conversation', conversation.id);
          onClose();
        }}
      >
        <Icon name="archive" /> Export
      </button>
      <button type="button" class="danger" onClick={() => (isSure ? void remove(conversation) : setSure(true))}>
        <Icon name="trash" /> {isSure ? 'Really delete?' : 'Delete'}
      </button>
    </div>
  );
}

function Item({ conversation }: ItemProps) {
  const [mode, setMode] = useState<'plain' | 'menu' | 'rename'>('plain');
  const isCurrent = conversation.id === currentId.value;
  const isAnswering = isCurrent && messages.value.some(isUnfinished);
  if (mode === 'rename') {
    return (
      <li>
        <RenameField conversation={conversation} onDone={() => setMode('plain')} />
      </li>
    );
  }
  return (
    <li
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || mode !== 'menu') return;
        event.stopPropagation();
        setMode('plain');
      }}
    >
      <div class={isCurrent ? 'item current' : 'item'}>
        <a
          href={`#/c/${conversation.id}`}
          aria-current={isCurrent ? 'page' : undefined}
          onClick={(event) => {
            event.preventDefault();
            void show(conversation.id);
          }}
        >
          {conversation.title}
        </a>
        {isAnswering && <span class="pulse" aria-label="answering" role="img" />}
        <IconButton
          icon="more"
          label={`More about ${conversation.title}`}
          expanded={mode === 'menu'}
          onClick={() => setMode(mode === 'menu' ? 'plain' : 'menu')}
        />
      </div>
      {mode === 'menu' && (
        <ItemMenu conversation={conversation} onRename={() => setMode('rename')} onClose={() => setMode('plain')} />
      )}
    </li>
  );
}

/** Ids that match the query; null while there is none. */
function useSearch(query: string): Set<string> | null {
  const [found, setFound] = useState<Set<string> | null>(null);
  const count = conversations.value.length;
  useEffect(() => {
    if (query.trim() === '') {
      setFound(null);
      return undefined;
    }
    let isStale = false;
    const timer = setTimeout(() => {
      void search(query).then((ids) => {
        if (!isStale) setFound(ids);
      });
    }, 120);
    return () => {
      isStale = true;
      clearTimeout(timer);
    };
  }, [query, count]);
  return found;
}

function List({ query }: { query: string }) {
  const found = useSearch(query);
  const shown = conversations.value.filter((conversation) => !found || found.has(conversation.id));
  if (shown.length === 0) {
    return <p class="list-note">{found ? 'Nothing found.' : 'Your conversations will stand here. They stay in this browser.'}</p>;
  }
  const now = Date.now();
  const groups = Map.groupBy(shown, (conversation) => dayGroup(conversation.updatedAt, now));
  return (
    <>
      {[...groups].map(([name, group]) => (
        <section key={name}>
          <h2>{name}</h2>
          <ul>
            {group.map((conversation) => (
              <Item key={conversation.id} conversation={conversation} />
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}

function Footer() {
  return (
    <div class="sidebar-footer">
      {balance.value && (
        <p class="balance">
          Balance <strong>{balance.value.total} {balance.value.currency}</strong>
        </p>
      )}
      <button type="button" onClick={() => (dialog.value = 'sign-in')}>
        <Icon name="key" /> {apiKey.value ? 'Signed in with a key' : 'Sign in with a key'}
      </button>
      <button type="button" onClick={() => (dialog.value = 'data')}>
        <Icon name="archive" /> Export and import
      </button>
      <button type="button" onClick={() => (dialog.value = 'help')}>
        <Icon name="help" /> Keyboard shortcuts
      </button>
      {/* Where the header has no room for it. */}
      <button type="button" class="theme-row" onClick={toggleTheme}>
        <Icon name={themeIcons[theme.value]} /> Theme: {themeNames[theme.value]}
      </button>
    </div>
  );
}

export function Sidebar() {
  const [query, setQuery] = useState('');
  return (
    <nav class="sidebar" aria-label="Conversations">
      <div class="brand">
        <Bolt />
        <span>Levin</span>
        <IconButton icon="plus" label="New chat" onClick={() => void show(null)} />
      </div>
      <div class="search">
        <Icon name="search" />
        <input
          id="search"
          type="search"
          placeholder="Search"
          aria-label="Search conversations"
          value={query}
          onInput={(event) => setQuery(event.currentTarget.value)}
        />
      </div>
      <div class="list">
        <List query={query} />
      </div>
      <Footer />
    </nav>
  );
}
