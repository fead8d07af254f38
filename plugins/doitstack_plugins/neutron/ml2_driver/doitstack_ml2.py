"""A mechanism driver for Neutron's ML2 that binds every port and wires none.

Read by Neutron alone, which finds it by this directory on its path. Of the drivers that Neutron
brings along, those without an agent leave a port unbound, and then Nova fails the server.
"""

from neutron_lib import constants
from neutron_lib.api.definitions import portbindings
from neutron_lib.plugins.ml2 import api


class UnwiredMechanismDriver(api.MechanismDriver):
    """Binds each port to its first segment, and reports that it is up."""

    def initialize(self) -> None:
        """Do nothing: there is no network to talk to."""

    @property
    def connectivity(self) -> str:
        """The connectivity of a bound port."""
        return str(portbindings.CONNECTIVITY_L2)

    def bind_port(self, context: api.PortContext) -> None:
        """Bind the port of `context`."""
        context.set_binding(
            context.segments_to_bind[0][api.ID],
            portbindings.VIF_TYPE_OVS,
            {portbindings.CAP_PORT_FILTER: True},
            status=constants.PORT_STATUS_ACTIVE,
        )
