import { render } from 'preact';
import { openLibrary } from './app/library';
import { connect } from './app/server';
import { loadTheme } from './store/preferences';
import './styles/base.css';
import './styles/layout.css';
import './styles/conversation.css';
import './styles/markdown.css';
import './styles/dialogs.css';
import { App } from './views/app';

document.documentElement.dataset['theme'] = loadTheme();
const root = document.getElementById('app');
if (root) render(<App />, root);
void openLibrary();
void connect();
