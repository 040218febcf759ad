import { render } from 'preact';
import { start } from './state/store.ts';
import { App } from './ui/app.tsx';
import './style/base.css';
import './style/layout.css';
import './style/drive.css';
import './style/parts.css';

start();
render(<App />, document.querySelector('#app')!);
