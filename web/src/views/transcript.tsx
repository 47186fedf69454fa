// The shown conversation, which follows the answer while the reader is at its end.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { connect } from '../app/server';
import { currentId, draftText, model, path, serverFailure, streamingId } from '../app/state';
import { FailureView } from './failure_view';
import { formatTokens } from './format';
import { Bolt, IconButton } from './icons';
import { AssistantTurn, UserTurn } from './turns';

const suggestions = [
  'Explain sparse attention to a curious twelve-year-old',
  'Write a haiku about lightning',
  'Show me quicksort in C++, with comments',
];

function Welcome() {
  const limit = model.value?.contextTokens ?? null;
  return (
    <section class="welcome">
      <div class="welcome-mark">
        <Bolt />
      </div>
      <h2>What shall we read?</h2>
      <p>
        Drop in a long document{limit ? ` (up to ${formatTokens(limit)})` : ''} and ask about it: it is read once, and
        every further question is quick and cheap. Nothing leaves this server.
      </p>
      <div class="suggestions">
        {suggestions.map((text) => (
          <button
            type="button"
            key={text}
            onClick={() => {
              draftText.value = text;
              document.getElementById('composer')?.focus();
            }}
          >
            {text}
          </button>
        ))}
      </div>
    </section>
  );
}

/** True while the end is in view; then new text scrolls along. */
function useFollowing() {
  const frame = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const isFollowing = useRef(true);
  const lastTop = useRef(0);
  const [isAway, setAway] = useState(false);

  const toEnd = () => {
    const element = frame.current;
    if (!element) return;
    element.scrollTop = element.scrollHeight;
    lastTop.current = element.scrollTop;
  };
  const onScroll = () => {
    const element = frame.current;
    if (!element) return;
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 60;
    // Text that came since the last scrolling also lies below: only who goes up stays there.
    if (isAtEnd) isFollowing.current = true;
    else if (element.scrollTop < lastTop.current) isFollowing.current = false;
    lastTop.current = element.scrollTop;
    setAway(!isFollowing.current);
  };
  useEffect(() => {
    if (!content.current) return undefined;
    const observer = new ResizeObserver(() => {
      if (isFollowing.current) toEnd();
      else onScroll();
    });
    observer.observe(content.current);
    return () => observer.disconnect();
  }, []);
  return { frame, content, isFollowing, isAway, onScroll, toEnd };
}

export function Transcript() {
  const { frame, content, isFollowing, isAway, onScroll, toEnd } = useFollowing();
  const shown = path.value;
  const answering = streamingId.value;
  const conversation = useRef(currentId.value);
  useLayoutEffect(() => {
    const isAnother = conversation.current !== currentId.value;
    conversation.current = currentId.value;
    // The end of an answer moves nobody, nor does an answer in another conversation.
    if (!isAnother && answering === null) return;
    isFollowing.current = true;
    toEnd();
  }, [currentId.value, answering]);

  return (
    <div class="stage">
      <div class="transcript" ref={frame} onScroll={onScroll} tabIndex={0} role="region" aria-label="Conversation">
        <div class="column" ref={content}>
          {serverFailure.value && (
            <FailureView failure={serverFailure.value} onRetry={() => void connect()} />
          )}
          {shown.length === 0 && <Welcome />}
          {shown.map((message) =>
            message.role === 'user' ? (
              <UserTurn key={message.id} message={message} />
            ) : (
              <AssistantTurn key={message.id} message={message} />
            ),
          )}
        </div>
      </div>
      {isAway && (
        <div class="to-end">
          <IconButton icon="down" label="To the end" onClick={toEnd} />
        </div>
      )}
    </div>
  );
}
