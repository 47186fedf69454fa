// The bar above the conversation.
import { changeSettings, show } from '../app/library';
import { current, dialog, drawerOpen, model, models, sidebarOpen, theme } from '../app/state';
import { attentionChoices } from '../chat/attention';
import { saveSidebarOpen, saveTheme, type Theme } from '../store/preferences';
import { IconButton, type IconName } from './icons';

const themeOrder: Theme[] = ['auto', 'light', 'dark'];
export const themeIcons: Record<Theme, IconName> = { auto: 'auto', light: 'sun', dark: 'moon' };
export const themeNames: Record<Theme, string> = { auto: 'as the system', light: 'light', dark: 'dark' };

export function toggleTheme(): void {
  const next = themeOrder[(themeOrder.indexOf(theme.value) + 1) % themeOrder.length] ?? 'auto';
  theme.value = next;
  saveTheme(next);
}

/** A column on wide screens, a drawer on narrow ones. */
export function toggleSidebar(): void {
  if (matchMedia('(max-width: 760px)').matches) {
    drawerOpen.value = !drawerOpen.value;
  } else {
    sidebarOpen.value = !sidebarOpen.value;
    saveSidebarOpen(sidebarOpen.value);
  }
}

/** A switch if the server offers the same model dense and sparse, else a label. */
function Attention() {
  const shown = model.value;
  if (!shown?.attention) return null;
  const choices = attentionChoices(shown, models.value);
  if (!choices) {
    return (
      <span class="badge" title="How attention reads the context">
        {shown.attention}
      </span>
    );
  }
  return (
    <div class="segments" role="group" aria-label="Attention">
      {(['sparse', 'dense'] as const).map((kind) => (
        <button
          type="button"
          key={kind}
          aria-pressed={shown.attention === kind}
          onClick={() => void changeSettings({ model: choices[kind] })}
        >
          {kind}
        </button>
      ))}
    </div>
  );
}

export function Header() {
  return (
    <header class="header">
      <IconButton icon="menu" label="Show or hide conversations" onClick={toggleSidebar} />
      <h1>{current.value?.title ?? 'New chat'}</h1>
      <span class="spacer" />
      {model.value && <span class="model-name">{model.value.id}</span>}
      <Attention />
      {/* While the sidebar is away, which has one too. */}
      <IconButton icon="plus" label="New chat" class="new-chat" onClick={() => void show(null)} />
      <IconButton
        icon={themeIcons[theme.value]}
        label={`Theme: ${themeNames[theme.value]}`}
        class="theme-button"
        onClick={toggleTheme}
      />
      <IconButton icon="gear" label="Settings" onClick={() => (dialog.value = 'settings')} />
    </header>
  );
}
