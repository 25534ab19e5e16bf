"""The adapter's parts, put together."""

from slack_bolt.app.async_app import AsyncApp

from adapters.slack.api import Connection, SlackApi, called
from adapters.slack.cards import Cards
from adapters.slack.catch_up import CatchUp
from adapters.slack.connecting import Connecting
from adapters.slack.context import Context
from adapters.slack.credentials import SlackConfig
from adapters.slack.errands import Errands
from adapters.slack.files import FileReader
from adapters.slack.front import bolt_app
from adapters.slack.http import HttpFront
from adapters.slack.inlet import Inlet
from adapters.slack.installations import InstallationStore, fernet, state_store
from adapters.slack.oauth import OAuthFlow, oauth_flow
from adapters.slack.pacing import Pacing, RateLimits
from adapters.slack.past import Past
from adapters.slack.payloads import Json
from adapters.slack.people import People
from adapters.slack.places import Places
from adapters.slack.posts import Posts
from adapters.slack.refusals import Refusals
from adapters.slack.responses import Responses
from adapters.slack.signs import Signs
from adapters.slack.streams import Streams
from adapters.slack.surfaces import Surfaces
from adapters.slack.uploads import Uploads
from adapters.slack.workspaces import Workspaces
from bot.ports import AdapterStore
from bot.vocabulary import Clock


class Parts:
    """Each is made here, once, and is given what it needs. Connects nothing."""

    def __init__(
        self, *, config: SlackConfig, store: AdapterStore, clock: Clock, limits: RateLimits
    ) -> None:
        self._config = config
        self._store = store
        self._clock = clock
        credentials = config.credentials
        self.connection = Connection(api_url=config.api_url)
        self._installations = self._installation_store()
        self.workspaces = Workspaces(
            own_token=credentials.bot_token,
            installations=self._installations,
            test_token=self._test_token,
            clock=clock,
        )
        self.api = SlackApi(
            connection=self.connection,
            workspaces=self.workspaces,
            pacing=Pacing(clock=clock, limits=limits),
        )
        self._make_outward(store, clock)
        self._make_inward(store, clock)

    def _make_outward(self, store: AdapterStore, clock: Clock) -> None:
        refusals = self._refusals = Refusals(store=store, clock=clock)
        self.places = Places(store=store, clock=clock)
        self.past = Past(api=self.api)
        self.people = People(api=self.api, clock=clock)
        self.errands = Errands()
        self.signs = Signs(
            api=self.api,
            past=self.past,
            refusals=refusals,
            errands=self.errands,
            store=store,
            clock=clock,
        )
        self.posts = Posts(
            api=self.api,
            past=self.past,
            streams=Streams(api=self.api, refusals=refusals, clock=clock),
            signs=self.signs,
            clock=clock,
        )
        self.uploads = Uploads(api=self.api, store=store, clock=clock)
        self.cards = Cards(api=self.api, uploads=self.uploads, clock=clock)
        self.responses = Responses(connection=self.connection, store=store, clock=clock)

    def _make_inward(self, store: AdapterStore, clock: Clock) -> None:
        errands = Errands()
        self.context = Context(api=self.api, past=self.past, people=self.people)
        self.files = FileReader(api=self.api)
        self._inlet = Inlet(
            workspaces=self.workspaces,
            responses=self.responses,
            surfaces=Surfaces(
                api=self.api,
                people=self.people,
                refusals=self._refusals,
                store=store,
                clock=clock,
            ),
            errands=errands,
            clock=clock,
        )
        self.front = HttpFront(
            takes_events=self._config.mode == "http", installs=self._config.credentials.installs
        )
        self.connecting = Connecting(
            config=self._config,
            connection=self.connection,
            workspaces=self.workspaces,
            inlet=self._inlet,
            front=self.front,
            catch_up=CatchUp(
                api=self.api,
                past=self.past,
                places=self.places,
                inlet=self._inlet,
                store=store,
                clock=clock,
                max_age_s=self._config.catch_up_max_age_s,
            ),
            errands=errands,
            clock=clock,
            make_app=self._app,
        )

    def _installation_store(self) -> InstallationStore | None:
        key = self._config.credentials.secret_key
        if not self._config.credentials.installs or key is None:
            return None
        return InstallationStore(store=self._store, cipher=fernet(key))

    async def _test_token(self, token: str) -> Json:
        return await called(self.connection.client(), "auth.test", token=token)

    def _app(self) -> AsyncApp:
        credentials = self._config.credentials
        return bolt_app(
            inlet=self._inlet,
            token=credentials.bot_token,
            signing_secret=credentials.signing_secret,
            oauth_flow=self._flow(),
        )

    def _flow(self) -> OAuthFlow | None:
        credentials = self._config.credentials
        if self._installations is None:
            return None
        return oauth_flow(
            client_id=credentials.client_id or "",
            client_secret=credentials.client_secret or "",
            scopes=tuple(self._config.scopes),
            installations=self._installations,
            states=state_store(self._store, self._clock),
            workspaces=self.workspaces,
            connection=self.connection,
        )
